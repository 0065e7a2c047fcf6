//! Middlewares of the program's own: how many there are, when they end, what they may do with bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use futures_util::FutureExt;
use gw_client::ClusterSpec;
use gw_core::{Body, BoxFuture, Handler, Outcome, Request, RequestContext, Response};
use gw_middleware::{
    BuildContext, BuildError, Ended, Middleware, MiddlewareFactory, Next, Registry, Scope, client_fn,
    middleware_fn,
};
use gw_proxy::Proxy;
use gw_telemetry::{BuildInfo, Metrics};
use gw_value::Options;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::{Notify, mpsc};

use super::{Made, conn, get, naming, publish, request};

/// The factory `own`: what the closure gives.
struct Own<F>(F, Scope);

impl<F: Fn() -> Arc<dyn Middleware> + Send + Sync + 'static> MiddlewareFactory for Own<F> {
    fn name(&self) -> &'static str {
        "own"
    }

    fn scope(&self) -> Scope {
        self.1
    }

    fn build(&self, _: &Options, _: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        Ok((self.0)())
    }
}

/// One of those that there are.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(live: &Arc<AtomicUsize>) -> Self {
        live.fetch_add(1, SeqCst);
        Self(Arc::clone(live))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Middleware for Counted {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, gw_core::Result<Response>> {
        Box::pin(async move { Ok(next.run(req).await) })
    }
}

/// Requests without a route have one as well.
#[test]
fn each_endpoint_has_an_instance_of_the_global_chain_unless_all_share_one() {
    for (scope, instances) in [(Scope::PerRoute, 3), (Scope::Shared, 1)] {
        let live = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&live);
        let registry = Registry::built_in().with(Own(move || Arc::new(Counted::new(&count)) as _, scope));
        let endpoint = |path: &str| {
            format!("[[endpoints]]\npath = '{path}'\nbackends = [{{ target = '192.0.2.1:1' }}]\n")
        };
        let text = format!("middlewares = [{{ name = 'own' }}]\n{}{}", endpoint("/a"), endpoint("/b"));
        let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).build();
        publish(&proxy, registry, &text, &naming);
        assert_eq!(live.load(SeqCst), instances, "{scope:?}");
    }
}

#[tokio::test]
async fn a_middleware_is_closed_when_its_route_is_gone_and_its_last_request_has_ended() {
    let live = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&live);
    let registry =
        Registry::built_in().with(Own(move || Arc::new(Counted::new(&count)) as _, Scope::PerRoute));
    let release = Arc::new(Notify::new());
    let waiting = Arc::clone(&release);
    let clients = move |_: ClusterSpec| -> Made {
        let release = Arc::clone(&waiting);
        Ok(Arc::new(client_fn(move |_| {
            let release = Arc::clone(&release);
            async move {
                release.notified().await;
                Ok(Response::new(Body::empty()))
            }
        })))
    };
    let endpoint = |path: &str| {
        format!(
            "[[endpoints]]\npath = '{path}'\nbackends = [{{ target = '192.0.2.1:1' }}]\nmiddlewares = [{{ name = 'own' }}]\n"
        )
    };
    let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).build();
    publish(&proxy, registry.clone(), &(endpoint("/stays") + &endpoint("/goes")), &clients);
    assert_eq!(live.load(SeqCst), 2);
    let mut asked = Box::pin(get(&proxy, "/goes"));
    assert!((&mut asked).now_or_never().is_none());
    publish(&proxy, registry, &endpoint("/stays"), &clients);
    proxy.sweep();
    assert_eq!(live.load(SeqCst), 2, "a request is in it");
    release.notify_one();
    assert_eq!(asked.await.0, 200);
    proxy.sweep();
    assert_eq!(live.load(SeqCst), 1, "what stays keeps its own");
}

/// What a recorder would be: each chunk goes on at once and a copy to whoever listens, and none is held.
#[tokio::test]
async fn a_middleware_that_wraps_bodies_streams_them_out_and_holds_nothing() {
    let (copies, mut recorded) = mpsc::unbounded_channel();
    let registry = Registry::built_in().with(Own(
        move || {
            let copies = copies.clone();
            Arc::new(middleware_fn(move |req: Request, next: Next<'_>| {
                let (copies, told) = (copies.clone(), copies.clone());
                Box::pin(async move {
                    let cx = RequestContext::of(&req).cloned();
                    if let Some(cx) = cx {
                        Ended::watch(&cx, move |ended| drop(told.send(Err(ended.outcome))));
                    }
                    Ok(next.run(req).await.map(|body| {
                        Body::stream(body.map_frame(move |frame| {
                            drop(frame.data_ref().map(|chunk| copies.send(Ok(chunk.clone()))));
                            frame
                        }))
                    }))
                })
            })) as _
        },
        Scope::PerRoute,
    ));
    let (send, upstream) = mpsc::unbounded_channel::<Bytes>();
    let upstream = parking_lot::Mutex::new(Some(upstream));
    let clients = |_: ClusterSpec| -> Made {
        let upstream = parking_lot::Mutex::new(upstream.lock().take());
        Ok(Arc::new(client_fn(move |_| {
            let upstream = upstream.lock().take();
            let chunks = futures_util::stream::unfold(upstream, |upstream| async {
                let mut upstream = upstream?;
                Some((Ok(Frame::data(upstream.recv().await?)), Some(upstream)))
            });
            async { Ok(Response::new(Body::stream(StreamBody::new(Box::pin(chunks))))) }
        })))
    };
    let text = "[[endpoints]]\npath = '/'\nmiddlewares = [{ name = 'own' }]\nbackends = [{ target = '192.0.2.1:1' }]\n";
    let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).build();
    publish(&proxy, registry, text, &clients);
    let mut body = proxy.call(request("/"), conn()).await.into_body();
    for number in 0..100_u8 {
        // Its owner tells whether anybody still holds it.
        let held = Arc::new([number; 1024]);
        send.send(Bytes::from_owner(Shared(Arc::clone(&held)))).unwrap();
        let passed = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((passed[0], Ok(&passed)), (number, recorded.try_recv().unwrap().as_ref()));
        drop(passed);
        assert_eq!(Arc::strong_count(&held), 1, "chunk {number}");
    }
    drop(send);
    assert!(body.frame().await.is_none());
    drop(body);
    assert_eq!(recorded.try_recv().unwrap(), Err(Outcome::Ok), "the end, after the last chunk");
}

struct Shared(Arc<[u8; 1024]>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &*self.0
    }
}

//! A request that is lent can be sent again: its head is as it was, whatever became of it and whoever it was sent to.

use std::net::SocketAddr;
use std::sync::Arc;

use gw_core::{Body, Client, Request, RequestContext};
use gw_egress::ForwardProxies;
use http::{Method, Version};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::harness::{Caller, OK, Origin, PATIENCE, context, text};
use crate::{BackendSpec, Protocol, Target};

const BODY: &str = "body";

const FAILED: &str = "HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n";

/// An origin, and the heads that it got. It answers with this, closes instead if that is empty, or keeps silent.
async fn origin(answer: Option<&'static str>) -> (Origin, UnboundedReceiver<String>) {
    let (tell, told) = unbounded_channel();
    let origin = Origin::start(move |mut wire, _| {
        let tell = tell.clone();
        async move {
            while let Some(head) = wire.head().await {
                wire.body(BODY.len()).await.unwrap();
                tell.send(head).unwrap();
                match answer {
                    None => return wire.closed().await,
                    Some("") => return,
                    Some(answer) => wire.send(answer).await,
                }
            }
        }
    })
    .await;
    (origin, told)
}

fn asked(method: Method, version: Version, target: &str, fields: &[(&str, &str)]) -> Request {
    let mut request = http::Request::builder().method(method).uri(target).version(version);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.extension(context()).body(Body::empty()).unwrap()
}

/// Those that fit as they are, and those of which something has to be changed.
fn requests() -> Vec<Request> {
    let crumbs = [("cookie", "a=1"), ("x-a", "1"), ("host", "host.test"), ("cookie", "b=2")];
    vec![
        asked(Method::GET, Version::HTTP_11, "/a%2F?b", &crumbs[1..3]),
        asked(Method::POST, Version::HTTP_11, "/", &crumbs[1..3]),
        asked(Method::GET, Version::HTTP_11, "/", &crumbs),
        asked(Method::GET, Version::HTTP_10, "/", &crumbs[..2]),
        asked(Method::GET, Version::HTTP_2, "http://host.test/a", &[]),
        asked(
            Method::GET,
            Version::HTTP_11,
            "/",
            &[("host", ""), ("connection", "upgrade"), ("upgrade", "x")],
        ),
    ]
}

/// All of a request but its body.
fn shown(request: &Request) -> String {
    let known = RequestContext::of(request).is_some();
    let (head, fields) = ((request.method(), request.uri(), request.version()), request.headers());
    format!("{head:?} {fields:?} {known}")
}

/// Sends a request as an attempt does that may be followed by another, and gives it up once it has come to the origin
/// if that keeps silent; what the origin saw of it.
async fn lend(caller: &Caller, request: &mut Request, told: &mut UnboundedReceiver<String>) -> String {
    let before = shown(request);
    *request.body_mut() = Body::from(BODY);
    let mut call = caller.cluster.call_lent(request);
    let mut seen = None;
    let end = async {
        tokio::select! {
            answer = &mut call => {
                if let Ok(answer) = answer {
                    text(answer).await;
                }
            }
            head = told.recv() => seen = head,
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("an end");
    drop(call);
    assert_eq!(shown(request), before);
    match seen {
        Some(head) => head,
        None => told.recv().await.unwrap(),
    }
}

fn backend(origin: &Origin, host: Option<&str>) -> BackendSpec {
    let mut spec = BackendSpec::new(Target::Address(origin.address));
    spec.host = host.map(str::to_owned);
    spec
}

#[tokio::test]
async fn a_head_is_as_it_was_whatever_became_of_it() {
    for answer in [Some(OK), Some(FAILED), Some(""), None] {
        let (origin, mut told) = origin(answer).await;
        for host in [None, Some("other.test")] {
            let caller = Caller::of(vec![backend(&origin, host)], |_| ());
            for mut request in requests() {
                let first = lend(&caller, &mut request, &mut told).await;
                assert_eq!(lend(&caller, &mut request, &mut told).await, first);
                assert!(host.is_none_or(|host| first.contains(&format!("host: {host}\r\n"))), "{first}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_there_changes_nothing() {
    let nobody = Caller::new(SocketAddr::from(([127, 0, 0, 1], 1)));
    for mut request in requests() {
        let before = shown(&request);
        nobody.cluster.call_lent(&mut request).await.unwrap_err();
        assert_eq!(shown(&request), before);
    }
}

/// What one node was told is not what the next one is told.
#[tokio::test]
async fn each_node_is_told_its_own_host() {
    let (one, mut told_one) = origin(Some(OK)).await;
    let (two, mut told_two) = origin(Some(OK)).await;
    let bare = || asked(Method::GET, Version::HTTP_11, "/", &[]);
    let with = || asked(Method::GET, Version::HTTP_11, "/", &[("host", "host.test")]);
    let (a, b) = (one.address.to_string(), two.address.to_string());
    for (host, mut request, first, second) in
        [(None, bare(), &*a, &*b), (Some("x"), bare(), "x", &*b), (Some("x"), with(), "x", "host.test")]
    {
        let nodes = [backend(&one, host), backend(&two, None)];
        let [caller, next] = nodes.map(|node| Caller::of(vec![node], |_| ()));
        let seen = lend(&caller, &mut request, &mut told_one).await;
        assert!(seen.contains(&format!("host: {first}\r\n")), "{seen}");
        let seen = lend(&next, &mut request, &mut told_two).await;
        assert!(seen.contains(&format!("host: {second}\r\n")), "{seen}");
    }
}

/// It is told the whole URL, and who asks; the request is not.
#[tokio::test]
async fn a_forward_proxy_gets_a_copy() {
    let (proxy, mut told) = origin(Some(OK)).await;
    let url = format!("http://me:secret@{}", proxy.address);
    let proxies = ForwardProxies::from_variables(|name| (name == "HTTP_PROXY").then(|| url.clone())).unwrap();
    let backends = vec![BackendSpec::new(Target::parse("up.test:81").unwrap())];
    let caller = Caller::proxied(proxies, backends, |_| ());
    let mut request = asked(Method::GET, Version::HTTP_11, "/a", &[("host", "host.test")]);
    for _ in 0..2 {
        let seen = lend(&caller, &mut request, &mut told).await;
        assert!(seen.starts_with("GET http://up.test:81/a HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains("proxy-authorization: "), "{seen}");
    }
}

/// HTTP/2 keeps what it is given.
#[tokio::test]
async fn a_head_is_as_it_was_over_http_2() {
    let gate = Arc::new(Semaphore::new(100));
    let origin = super::h2::serving(100, &gate).await;
    let caller = Caller::with(origin.address, |spec| spec.protocol = Protocol::Http2);
    for mut request in requests() {
        let before = shown(&request);
        for _ in 0..2 {
            let answer = caller.cluster.call_lent(&mut request).await.unwrap();
            assert!(text(answer).await.contains("HTTP/2.0"));
            assert_eq!(shown(&request), before);
        }
    }
}

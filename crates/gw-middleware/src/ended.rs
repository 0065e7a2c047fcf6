//! The end of a request, which a middleware does not see: what it returns is the head of an answer.

use std::sync::Arc;
use std::time::Instant;

use gw_core::{Outcome, RequestContext};
use parking_lot::Mutex;

/// How a request ended: with the last byte of its answer, when its tunnel closed, or when it was given up.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The status that the client was sent, if any.
    pub status: Option<u16>,
    /// What became of it: the word of the access log and the metrics.
    pub outcome: Outcome,
    /// The version that the client speaks: `1.0`, `1.1` or `2`.
    pub protocol: &'static str,
    /// When.
    pub at: Instant,
}

type Then = Box<dyn FnOnce(&Ended) + Send>;

/// In a request's context: those who wait for its end. As many as middlewares in its chain ask.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<Vec<Then>>>);

impl Ended {
    /// Calls `then` once when the request has ended, its body or tunnel included. It runs on the request's worker, and must
    /// neither block nor panic.
    ///
    /// ```
    /// # fn example(req: &gw_core::Request) {
    /// if let Some(cx) = gw_core::RequestContext::of(req) {
    ///     gw_middleware::Ended::watch(cx, |ended| println!("{}", ended.outcome));
    /// }
    /// # }
    /// ```
    pub fn watch(cx: &RequestContext, then: impl FnOnce(&Self) + Send + 'static) {
        let waiting = cx.get::<Waiting>().unwrap_or_else(|| {
            let waiting = Waiting::default();
            cx.insert(waiting.clone());
            waiting
        });
        waiting.0.lock().push(Box::new(then));
    }

    /// Tells those who wait. For the layer that knows; those who are told once are not told again.
    pub fn tell(&self, cx: &RequestContext) {
        let Some(waiting) = cx.get::<Waiting>() else { return };
        // Called without the lock, which they may take.
        let waiting = std::mem::take(&mut *waiting.0.lock());
        waiting.into_iter().for_each(|then| then(self));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use gw_core::{ConnContext, EndpointInfo};

    use super::*;

    #[test]
    fn everybody_is_told_once() {
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let conn = ConnContext::new(0, "", any, any);
        let at = Instant::now();
        let endpoint = Arc::new(EndpointInfo::default());
        let cx = Arc::new(RequestContext::new(Arc::new(conn), any.ip(), endpoint, at));
        let ended = Ended { status: Some(200), outcome: Outcome::ClientClosed, protocol: "2", at };
        ended.tell(&cx);
        let told = Arc::new(AtomicU32::new(0));
        for weight in [1, 10] {
            let (told, asked) = (Arc::clone(&told), Arc::clone(&cx));
            Ended::watch(&cx, move |ended| {
                assert_eq!(ended.outcome, Outcome::ClientClosed);
                assert_eq!(asked.attempts().len(), 0, "the context can be asked");
                told.fetch_add(weight, Relaxed);
            });
        }
        ended.tell(&cx);
        ended.tell(&cx);
        assert_eq!(told.load(Relaxed), 11);
        assert_eq!(Arc::strong_count(&cx), 1, "what was told is gone");
    }
}

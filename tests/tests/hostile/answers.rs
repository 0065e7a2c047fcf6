//! Answers of upstreams: what the client gets of them, and that the next request meets nothing of what they left.

use std::cell::Cell;

use gateway_tests::{Fault, Given, Reply, Seen, Then, find};

use crate::bench::{Bench, HYPER};

/// What becomes of an upstream's answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// 502 in the form of all our answers.
    Bad,
    /// The client gets a head and this much of a body, and sees that there was more.
    Cut(&'static str),
    /// The client gets this status and body, and the connection to the upstream serves again.
    Passes(u16, &'static str),
    /// The client gets this status and body, and the connection to the upstream does not serve again.
    Last(u16, &'static str),
}

/// What hyper's half makes of an answer that ours judges otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hyper {
    Judges(Verdict),
    /// It hands out this much, waits for more, and says that the answer is cut once the upstream has closed.
    Waits(&'static str),
}

pub(crate) use Hyper::{Judges, Waits};
pub(crate) use Verdict::{Bad, Cut, Last, Passes};

/// A [`Bench`] whose upstream answers case by case.
pub(crate) struct Answers {
    pub(crate) bench: Bench,
    cases: Cell<usize>,
}

impl Answers {
    pub(crate) async fn start() -> Self {
        Self { bench: Bench::start().await, cases: Cell::new(0) }
    }

    pub(crate) async fn finish(self) {
        self.bench.finish().await;
    }

    /// Judges an answer to a GET, after which the upstream waits for the next request.
    pub(crate) async fn get(&self, bytes: impl AsRef<[u8]>, verdict: Verdict) -> Option<Given> {
        self.judge("GET", "", reply(bytes, Then::Stay), verdict).await
    }

    /// The same, but for hyper's half.
    pub(crate) async fn get_but(&self, bytes: impl AsRef<[u8]>, verdict: Verdict, hyper: Hyper) {
        match hyper {
            _ if !HYPER => _ = self.get(bytes, verdict).await,
            Judges(other) => _ = self.get(bytes, other).await,
            Waits(body) => self.closing(bytes, Cut(body)).await,
        }
    }

    /// Judges an answer to a GET, after which the upstream closes.
    pub(crate) async fn closing(&self, bytes: impl AsRef<[u8]>, verdict: Verdict) {
        self.judge("GET", "", reply(bytes, Then::Close), verdict).await;
    }

    /// The same, after which it resets the connection.
    pub(crate) async fn resetting(&self, bytes: impl AsRef<[u8]>, verdict: Verdict) {
        self.judge("GET", "", reply(bytes, Then::Reset), verdict).await;
    }

    /// Judges a reply to a request with this method and these lines: what the client gets, then the next request, on
    /// the same connection if that goes on, and over which connection that came.
    pub(crate) async fn judge(
        &self,
        method: &str,
        lines: &str,
        reply: Reply,
        verdict: Verdict,
    ) -> Option<Given> {
        let case = self.cases.replace(self.cases.get() + 1);
        let shown = format!("{} ({:?})", shorten(&reply.bytes), reply.then);
        self.bench.origin.reply(&format!("/case/{case}"), reply);
        let mut caller = self.bench.caller().await;
        caller.write(format!("{method} /case/{case} HTTP/1.1\r\nHost: gw.test\r\n{lines}\r\n")).await;
        self.bench.count();
        let given = match caller.answer(method).await {
            Ok(given) => Some(given),
            // What was cut early may have left nothing.
            Err(Fault::Closed | Fault::Reset) => None,
            Err(wrong) => panic!("{shown}: {wrong:?}"),
        };
        check(&shown, verdict, given.as_ref());
        if given.as_ref().is_none_or(|given| given.fault.is_some() || closes(given)) {
            let rest = caller.rest().await;
            assert!(rest.is_empty(), "{shown}: {}", rest.escape_ascii());
            caller = self.bench.caller().await;
        }
        caller.write(format!("GET /after/{case} HTTP/1.1\r\nHost: gw.test\r\n\r\n")).await;
        self.bench.count();
        let after = caller.answer("GET").await.map(|given| (given.status, given.body));
        assert_eq!(after, Ok((200, format!("GET /after/{case}"))), "after {shown}");
        let seen = self.bench.origin.seen();
        let connection = |target: String| seen.iter().rfind(|seen| seen.target == target).map(of);
        let (first, second) = (connection(format!("/case/{case}")), connection(format!("/after/{case}")));
        let reused = matches!(verdict, Passes(..));
        assert_eq!(first == second, reused, "{shown}: {verdict:?}, over connections {first:?}, {second:?}");
        given
    }
}

fn of(seen: &Seen) -> usize {
    seen.connection
}

fn closes(given: &Given) -> bool {
    find(&given.fields, "connection") == Some("close")
}

pub(crate) fn reply(bytes: impl AsRef<[u8]>, then: Then) -> Reply {
    Reply { bytes: bytes.as_ref().to_vec(), then, early: false }
}

fn shorten(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(200)].escape_ascii().to_string()
}

#[track_caller]
fn check(shown: &str, verdict: Verdict, given: Option<&Given>) {
    let Some(given) = given else {
        return assert!(matches!(verdict, Cut("")), "{shown}: no answer, for {verdict:?}");
    };
    let judged = match verdict {
        Bad => {
            let form =
                find(&given.fields, "proxy-status").is_some_and(|value| value.starts_with("gateway; error="));
            let length = find(&given.fields, "content-length").is_some_and(|length| length != "0");
            given.status == 502 && form && length && given.fault.is_none()
        }
        Cut(body) => given.fault.is_some() && given.body == body,
        Passes(status, body) | Last(status, body) => {
            (given.status, given.body.as_str()) == (status, body) && given.fault.is_none()
        }
    };
    assert!(judged, "{shown}: {verdict:?}, not {given:?}");
    // An upstream's framing ends at the gateway, and so does its idea of the connection.
    for gone in ["keep-alive", "upgrade", "x-evil", "x-secret"] {
        assert_eq!(find(&given.fields, gone), None, "{shown}: {given:?}");
    }
}

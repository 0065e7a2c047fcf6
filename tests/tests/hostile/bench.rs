//! A strict upstream that writes down what it is asked, a gateway before it, and a client that sends bytes.

use std::cell::Cell;

use gateway_tests::{Format, Gateway, Seen, StrictCaller, StrictOrigin, find, table};

/// What is smuggled in behind a request.
pub(crate) const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: gw.test\r\n\r\n";

/// Whether the gateway under test speaks HTTP/1.1 with hyper's halves.
pub(crate) const HYPER: bool = cfg!(feature = "hyper-h1");

/// What hyper's half makes of a request that ours refuses.
pub(crate) enum Hyper {
    /// It refuses with one of these.
    Refuses(&'static [u16]),
    /// It serves it, with a body of so many bytes.
    Serves(usize),
}

pub(crate) struct Bench {
    pub(crate) origin: StrictOrigin,
    pub(crate) gateway: Gateway,
    /// The requests that the upstream may have seen.
    served: Cell<usize>,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::at("/*").await
    }

    /// One that serves this path alone.
    pub(crate) async fn at(path: &str) -> Self {
        let origin = StrictOrigin::start().await;
        // One worker, so that all requests share their upstream connections; one attempt, so that they can be counted.
        // Time to connect, since a flood may fill the accept queue of an upstream that shares its core with it.
        let config = "client.connect_timeout = \"60s\"\n".to_owned()
            + &table(path, "retry = { attempts = 1 }", &[origin.address()]);
        let gateway = Gateway::start_with(&config, Format::Toml, |command| {
            command.args(["-workers", "1"]);
        })
        .await;
        Self { origin, gateway, served: Cell::new(0) }
    }

    /// What the upstream saw of all cases, to the last byte, is requests by the letter, as many as were served.
    pub(crate) async fn finish(self) {
        let served = self.served.get();
        let seen = self.stopped().await;
        let shown: Vec<_> = seen.iter().map(|seen| (&seen.method, &seen.target)).collect();
        assert_eq!(seen.len(), served, "{shown:?}");
    }

    /// The whole requests that the upstream saw, once the gateway has stopped; there is nothing but those.
    pub(crate) async fn stopped(self) -> Vec<Seen> {
        self.gateway.stop().await;
        assert_eq!(self.origin.complaints().await, Vec::<String>::new());
        self.origin.seen()
    }

    pub(crate) async fn caller(&self) -> StrictCaller {
        StrictCaller::connect(self.gateway.address()).await
    }

    /// One more request will be seen by the upstream.
    pub(crate) fn count(&self) {
        self.served.set(self.served.get() + 1);
    }

    /// `input` gets one answer with one of these statuses, which says why and that it is the last, and then the end; the
    /// upstream sees no whole request, neither this one nor the one behind it. hyper's own refusals end without a word.
    pub(crate) async fn refuses(&self, input: impl AsRef<[u8]>, statuses: &[u16]) {
        let shown = input.as_ref().escape_ascii().to_string();
        let mut caller = self.caller().await;
        caller.write([input.as_ref(), SMUGGLED.as_bytes()].concat()).await;
        let answer = caller.answer("GET").await;
        let answer = answer.unwrap_or_else(|fault| panic!("{shown}: {fault:?}"));
        assert!(statuses.contains(&answer.status), "{shown}: {answer:?}");
        let told = find(&answer.fields, "connection") == Some("close") && !answer.body.is_empty();
        assert!(HYPER || told, "{shown}: {answer:?}");
        let rest = caller.rest().await;
        assert!(rest.is_empty(), "{shown}: {answer:?}, then {}", rest.escape_ascii());
    }

    /// The same, but for hyper's half.
    pub(crate) async fn refuses_but(&self, input: impl AsRef<[u8]>, statuses: &[u16], hyper: Hyper) {
        match hyper {
            _ if !HYPER => self.refuses(input, statuses).await,
            Hyper::Refuses(others) => self.refuses(input, others).await,
            Hyper::Serves(bytes) => assert_eq!(self.passes(input).await.body.len(), bytes),
        }
    }

    /// `input` is served as one request; what the upstream saw of it. Nothing that follows is part of it.
    pub(crate) async fn passes(&self, input: impl AsRef<[u8]>) -> Seen {
        let shown = input.as_ref().escape_ascii().to_string();
        let before = self.origin.seen().len();
        self.count();
        let end = b"GET /end HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n";
        let mut caller = self.caller().await;
        caller.write([input.as_ref(), end].concat()).await;
        let answer = caller.answer("GET").await;
        let answer = answer.unwrap_or_else(|fault| panic!("{shown}: {fault:?}"));
        assert_eq!((answer.status, &answer.fault), (200, &None), "{shown}: {answer:?}");
        if find(&answer.fields, "connection") != Some("close") {
            self.count();
            let last = caller.answer("GET").await.map(|answer| answer.body);
            assert_eq!(last, Ok("GET /end".to_owned()), "{shown}");
        }
        let rest = caller.rest().await;
        assert!(rest.is_empty(), "{shown}: {}", rest.escape_ascii());
        self.origin.seen().swap_remove(before)
    }
}

//! An upstream that writes down what it is asked, a gateway before it, and a client that sends bytes.

use gateway_tests::{Format, Gateway, Origin, RawCaller, Received, Script, table};

/// What is smuggled in behind a request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: gw.test\r\n\r\n";

pub(crate) struct Bench {
    origin: Origin,
    gateway: Gateway,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let origin = Origin::start("strict", Script::Echo).await;
        let gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
        Self { origin, gateway }
    }

    /// `input` gets one answer with one of these statuses, which has a body, and then the end; the upstream sees no
    /// whole request.
    pub(crate) async fn refuses(&self, input: impl AsRef<[u8]>, statuses: &[u16]) {
        let shown = String::from_utf8_lossy(input.as_ref()).into_owned();
        let before = self.origin.received().len();
        let mut raw = RawCaller::connect(self.gateway.address()).await;
        raw.write([input.as_ref(), SMUGGLED.as_bytes()].concat()).await;
        let all = raw.read_to_end().await;
        let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        assert!(status.is_some_and(|status| statuses.contains(&status)), "{shown:?}: {all:?}");
        assert!(head.contains("\r\nconnection: close"), "{shown:?}: {all:?}");
        assert!(!body.is_empty() && !body.contains("HTTP/1.1 "), "{shown:?}: {all:?}");
        let seen: Vec<_> = self.origin.received()[before..].iter().map(|seen| seen.target.clone()).collect();
        assert!(seen.is_empty(), "{shown:?}: {seen:?}");
    }

    /// `input` is served as one request; what the upstream saw of it. Nothing that follows is part of it.
    pub(crate) async fn passes(&self, input: impl AsRef<[u8]>) -> Received {
        let shown = String::from_utf8_lossy(input.as_ref()).into_owned();
        let before = self.origin.received().len();
        let mut raw = RawCaller::connect(self.gateway.address()).await;
        raw.write(
            [input.as_ref(), b"GET /end HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n"].concat(),
        )
        .await;
        let all = raw.read_to_end().await;
        assert!(all.starts_with("HTTP/1.1 200 ") || all.starts_with("HTTP/1.0 200 "), "{shown:?}: {all:?}");
        let mut seen = self.origin.received().split_off(before);
        let last = seen.pop().unwrap();
        match last.target.as_str() {
            "/end" => seen.pop().unwrap(),
            // The first was the last.
            _ => last,
        }
    }
}

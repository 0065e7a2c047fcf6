//! A web site with one page, and what that page has to say.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway_tests::{Gateway, Origin, Received, Script, empty, full, within};
use http::{Response, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;

/// Where pages send their reports, followed by the JSON's bytes in hexadecimal.
const REPORT: &str = "/report/";

/// A running site.
pub(crate) struct Site {
    origin: Origin,
    page: Arc<Mutex<String>>,
    reports: mpsc::UnboundedReceiver<Value>,
}

impl Site {
    /// Starts one without a page.
    pub(crate) async fn start() -> Self {
        let page = Arc::<Mutex<String>>::default();
        let (tell, reports) = mpsc::unbounded_channel();
        let shown = Arc::clone(&page);
        let respond = move |received: &Received| {
            let answer = Response::builder();
            if received.target == "/" {
                // A connection of its own for whatever the page asks next.
                let answer = answer.header("content-type", "text/html").header("connection", "close");
                return answer.body(full(shown.lock().clone())).unwrap();
            }
            match received.target.strip_prefix(REPORT) {
                Some(report) => tell.send(decoded(report)).unwrap_or_default(),
                None => return answer.status(StatusCode::NOT_FOUND).body(empty()).unwrap(),
            }
            answer.body(empty()).unwrap()
        };
        let origin = Origin::start("site", Script::Respond(Arc::new(respond))).await;
        Self { origin, page, reports }
    }

    /// Makes its page run this script, before this gateway.
    pub(crate) fn publish(&self, script: &str, gateway: &Gateway) {
        let report = format!("http://{}{REPORT}", self.origin.address());
        let (data, admin) = (gateway.address(), gateway.admin());
        let settings = format!(
            "const REPORT = \"{report}\", GATEWAY = \"http://{data}\", ADMIN = \"http://{admin}\";\n"
        );
        let shared = include_str!("page.js");
        *self.page.lock() = format!(
            "<!doctype html><meta charset=utf-8><script type=module>\n{settings}{shared}{script}</script>"
        );
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// Its origin, and its page, under this name.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("http://{host}:{}", self.address().port())
    }

    /// What its page says next.
    pub(crate) async fn report(&mut self) -> Value {
        within("the page reports", self.reports.recv()).await.expect("the site runs")
    }
}

/// JSON, out of hexadecimal digits.
fn decoded(digits: &str) -> Value {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = digits.as_bytes().chunks(2).map(byte).collect();
    serde_json::from_slice(&bytes).unwrap()
}

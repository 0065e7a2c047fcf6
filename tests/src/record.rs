//! What an origin has seen, and what it is told while it runs.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Version};
use hyper::body::Incoming;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::within;

/// Counts of an origin since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub connections: usize,
    /// Of those, the open ones.
    pub open: usize,
    /// Request heads read.
    pub requests: usize,
    /// Requests whose client went away before the answer's head was made.
    pub cancelled: usize,
    /// Answers whose client went away before their body's end.
    pub broken: usize,
    /// Bytes of answers that were handed to the connection.
    pub sent: u64,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its method.
    pub method: Method,
    /// Its target as it stood in the request, with authority for HTTP/2.
    pub target: String,
    /// Its version.
    pub version: Version,
    /// Its fields.
    pub headers: HeaderMap,
    /// How long its body was.
    pub body_bytes: u64,
    /// XXH3 of its body.
    pub body_hash: u64,
    /// Its trailers.
    pub trailers: HeaderMap,
}

impl Received {
    pub(crate) fn of(req: &Request<Incoming>) -> Self {
        Self {
            method: req.method().clone(),
            target: req.uri().to_string(),
            version: req.version(),
            headers: req.headers().clone(),
            body_bytes: 0,
            body_hash: hash(b""),
            trailers: HeaderMap::new(),
        }
    }

    pub(crate) fn json(&self, origin: &str) -> Value {
        json!({
            "origin": origin,
            "method": self.method.as_str(),
            "target": self.target,
            "version": format!("{:?}", self.version),
            "headers": pairs(&self.headers),
            "body_bytes": self.body_bytes,
            "body_hash": self.body_hash.to_string(),
            "trailers": pairs(&self.trailers),
        })
    }
}

fn pairs(fields: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    fields.iter().map(pair).collect()
}

/// The hash in [`Received::body_hash`].
pub fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// What an origin has seen.
pub struct Record {
    counts: watch::Sender<Counts>,
    released: watch::Sender<bool>,
    received: Mutex<Vec<Received>>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            counts: watch::Sender::new(Counts::default()),
            released: watch::Sender::new(false),
            received: Mutex::default(),
        }
    }
}

impl Record {
    /// The counts now.
    pub fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Every request whose body has been read, in the order of that.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    /// Waits until the counts are as the test needs them.
    ///
    /// # Panics
    /// When they never are.
    pub async fn wait(&self, what: &str, met: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.counts.subscribe();
        *within(what, counts.wait_for(met)).await.unwrap()
    }

    /// Lets every held request go on, now and later.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// Holds from now on.
    pub fn hold(&self) {
        self.released.send_replace(false);
    }

    pub(crate) async fn released(&self) {
        let mut released = self.released.subscribe();
        // The sender lives as long as we do.
        let _ = released.wait_for(|released| *released).await;
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }

    pub(crate) fn push(&self, mut received: Received, body: &Bytes, trailers: HeaderMap) -> Received {
        received.body_bytes = body.len() as u64;
        received.body_hash = hash(body);
        received.trailers = trailers;
        self.received.lock().push(received.clone());
        received
    }
}

//! An upstream that writes down what it is asked, complains of what nobody may ask, and answers any bytes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::wire::{Fault, Fields, Length, Wire, is_token, length_of};
use crate::listening::{FREE, Listening};
use crate::within;

/// What no gateway may pass on (RFC 9110 §7.6.1, and what smuggles).
const NEVER: [&str; 4] = ["keep-alive", "proxy-connection", "http2-settings", "proxy-authorization"];

/// A whole request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The number of its connection, from 0.
    pub connection: usize,
    /// Its method.
    pub method: String,
    /// Its target.
    pub target: String,
    /// Its fields.
    pub fields: Fields,
    /// Its body.
    pub body: Vec<u8>,
    /// What stood after that.
    pub trailers: Fields,
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// The next request is read.
    #[default]
    Stay,
    /// It is closed in order.
    Close,
    /// It is reset.
    Reset,
}

/// An answer, byte by byte.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// What is written.
    pub bytes: Vec<u8>,
    /// What follows.
    pub then: Then,
    /// Whether it is written before the request's body is read.
    pub early: bool,
}

/// A running upstream.
pub struct StrictOrigin {
    listening: Listening,
    shared: Arc<Shared>,
}

struct Shared {
    replies: Mutex<HashMap<String, Reply>>,
    seen: Mutex<Vec<Seen>>,
    complaints: Mutex<Vec<String>>,
    connections: Mutex<usize>,
    ended: watch::Sender<usize>,
}

impl StrictOrigin {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            replies: Mutex::default(),
            seen: Mutex::default(),
            complaints: Mutex::default(),
            connections: Mutex::default(),
            ended: watch::Sender::new(0),
        });
        let served = Arc::clone(&shared);
        let listening = Listening::start(FREE, move |stream| {
            let mut connections = served.connections.lock();
            let number = *connections;
            *connections += 1;
            serve(stream, Arc::clone(&served), number)
        });
        Self { listening: listening.await, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Has requests for `target` answered so. Others get 200 and their own first line, without its version.
    pub fn reply(&self, target: &str, reply: Reply) {
        self.shared.replies.lock().insert(target.to_owned(), reply);
    }

    /// Every whole request, in the order of their ends.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    /// Connections accepted.
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock()
    }

    /// Waits until so many connections have ended.
    ///
    /// # Panics
    /// When they do not end.
    pub async fn ended(&self, count: usize) {
        let mut ended = self.shared.ended.subscribe();
        let _ = within("upstream connections end", ended.wait_for(|ended| *ended >= count)).await;
    }

    /// What came that is no HTTP/1.1, once every connection has ended: no more can come unless one is opened.
    ///
    /// # Panics
    /// When they do not end.
    pub async fn complaints(&self) -> Vec<String> {
        self.ended(self.connections()).await;
        self.shared.complaints.lock().clone()
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, number: usize) {
    let mut wire = Wire::new(stream);
    loop {
        match exchange(&mut wire, &shared, number).await {
            Ok(Then::Stay) => {}
            Ok(Then::Close) | Err(Fault::Closed | Fault::Reset) => break,
            Ok(Then::Reset) => {
                wire.reset();
                break;
            }
            Err(Fault::Wrong(what)) => {
                shared.complaints.lock().push(format!("connection {number}: {what}"));
                break;
            }
        }
    }
    drop(wire);
    shared.ended.send_modify(|ended| *ended += 1);
}

async fn exchange(wire: &mut Wire, shared: &Shared, connection: usize) -> Result<Then, Fault> {
    let line = wire.line().await?;
    let (method, target, old) = first_line(&line)?;
    let fields = wire.fields().await?;
    let length = check(&fields, old)?;
    let reply = shared.replies.lock().get(&target).cloned();
    if let Some(Reply { bytes, .. }) = reply.as_ref().filter(|reply| reply.early) {
        wire.write(bytes).await;
    }
    let mut seen = Seen { connection, method, target, fields, body: Vec::new(), trailers: Fields::new() };
    seen.trailers = wire.body(length, &mut seen.body).await?;
    if !wire.unread().is_empty() {
        let what = wire.unread().escape_ascii();
        return Err(Fault::Wrong(format!("bytes behind {} {}: {what}", seen.method, seen.target)));
    }
    let reply = reply.unwrap_or_else(|| ordinary(&seen));
    shared.seen.lock().push(seen);
    if !reply.early {
        wire.write(&reply.bytes).await;
    }
    Ok(reply.then)
}

fn ordinary(seen: &Seen) -> Reply {
    let body = format!("{} {}", seen.method, seen.target);
    let content = if seen.method == "HEAD" { "" } else { body.as_str() };
    let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", body.len()).into_bytes();
    Reply { bytes, ..Reply::default() }
}

/// The method, the target, and whether it is HTTP/1.0: hyper's client half answers that with its like.
fn first_line(line: &str) -> Result<(String, String, bool), Fault> {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [method, target, version @ ("HTTP/1.0" | "HTTP/1.1")]
            if is_token(method)
                && method != "CONNECT"
                && (target.starts_with('/') || (method, target) == ("OPTIONS", "*"))
                && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') =>
        {
            Ok((method.to_owned(), target.to_owned(), version == "HTTP/1.0"))
        }
        _ => Err(Fault::Wrong(format!("no request line: {line:?}"))),
    }
}

/// What the fields have to be between a gateway and its upstream.
fn check(fields: &Fields, old: bool) -> Result<Length, Fault> {
    let complain = |what: &str| Err(Fault::Wrong(format!("{what}: {fields:?}")));
    let hosts = fields.iter().filter(|(name, _)| name == "host");
    if hosts.count() > 1 {
        return complain("several Host fields");
    }
    for (name, value) in fields {
        let value = value.to_ascii_lowercase();
        let allowed = match name.as_str() {
            // The one upgrade that is passed on, and what goes with trailers.
            "connection" => value == "upgrade" || value == "te" || old && value == "keep-alive",
            "transfer-encoding" => !old,
            "upgrade" => value == "websocket",
            "te" => value == "trailers",
            name => !name.contains('_') && !NEVER.contains(&name),
        };
        if !allowed {
            return complain("a field that ends at a gateway");
        }
    }
    // A request without either has no body (RFC 9112 §6.3).
    length_of(fields).map(|length| if length == Length::Unsaid { Length::Bytes(0) } else { length })
}

//! A DNS server that knows one name, over UDP. Packets as in RFC 1035 §4.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const A: u16 = 1;
const AAAA: u16 = 28;

/// A response code other than success.
#[derive(Clone, Copy)]
pub(super) enum Code {
    ServerFailure = 2,
    NoSuchName = 3,
    Refused = 5,
}

/// What is said about one family.
#[derive(Clone)]
pub(super) enum Reply<T> {
    Records(Vec<T>),
    Code(Code),
    Silence,
}

/// What is said about the name.
#[derive(Clone)]
pub(super) struct Zone {
    pub(super) a: Reply<Ipv4Addr>,
    pub(super) aaaa: Reply<Ipv6Addr>,
    /// Of the last record, in seconds; each before it lives longer.
    pub(super) ttl: u32,
}

/// A running server; its end is its drop.
pub(super) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

struct State {
    name: String,
    zone: Zone,
    questions: watch::Sender<usize>,
}

impl Server {
    pub(super) async fn start(name: &str, zone: Zone) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let state =
            Arc::new(Mutex::new(State { name: name.to_owned(), zone, questions: watch::Sender::new(0) }));
        let task = tokio::spawn(serve(socket, Arc::clone(&state)));
        Self { address, state, task }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn set(&self, zone: Zone) {
        self.state.lock().zone = zone;
    }

    pub(super) fn questions(&self) -> usize {
        *self.state.lock().questions.borrow()
    }

    /// Resolves when this many questions have come.
    pub(super) async fn wait_for(&self, questions: usize) {
        let mut seen = self.state.lock().questions.subscribe();
        seen.wait_for(|seen| *seen >= questions).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, state: Arc<Mutex<State>>) {
    let mut packet = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut packet).await {
        let answer = state.lock().answer(&packet[..length]);
        if let Some(answer) = answer {
            socket.send_to(&answer, client).await.unwrap();
        }
    }
}

impl State {
    fn answer(&mut self, query: &[u8]) -> Option<Vec<u8>> {
        self.questions.send_modify(|questions| *questions += 1);
        let (name, end) = read_name(query);
        let kind = u16::from_be_bytes([query[end], query[end + 1]]);
        let question = &query[12..end + 4];
        let addresses: Result<Vec<Vec<u8>>, Code> = match kind {
            _ if !name.eq_ignore_ascii_case(&self.name) => Err(Code::NoSuchName),
            A => octets(&self.zone.a, |ip| ip.octets().to_vec())?,
            AAAA => octets(&self.zone.aaaa, |ip| ip.octets().to_vec())?,
            _ => Ok(Vec::new()),
        };
        let (code, addresses) = match addresses {
            Ok(addresses) => (0, addresses),
            Err(code) => (code as u16, Vec::new()),
        };
        let mut answer = query[..2].to_vec();
        // A response to a standard query, recursion desired and available; one question, no other sections.
        for word in [0x8180 | code, 1, addresses.len() as u16, 0, 0] {
            answer.extend(word.to_be_bytes());
        }
        answer.extend(question);
        for (left, address) in (0..addresses.len() as u32).rev().zip(addresses) {
            // The name is the one at byte 12; the class is Internet.
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1]);
            answer.extend((self.zone.ttl + 100 * left).to_be_bytes());
            answer.extend((address.len() as u16).to_be_bytes());
            answer.extend(address);
        }
        Some(answer)
    }
}

/// The records as bytes, or the code; `None` = no answer at all.
fn octets<T>(reply: &Reply<T>, bytes: impl Fn(&T) -> Vec<u8>) -> Option<Result<Vec<Vec<u8>>, Code>> {
    match reply {
        Reply::Records(addresses) => Some(Ok(addresses.iter().map(bytes).collect())),
        Reply::Code(code) => Some(Err(*code)),
        Reply::Silence => None,
    }
}

/// The name of the question and where it ends.
fn read_name(query: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).into_owned());
        at += 1 + length;
    }
    (labels.join("."), at + 1)
}

//! A Consul that does what it is told, also wrong: real sockets, HTTP/1.1 written by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What the server does wrong with every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// This status, with a text and no index.
    Status(u16),
    /// 200 with this as body.
    Body(&'static str),
    /// 200 with a body of this many bytes.
    Huge(usize),
    /// The list, without `X-Consul-Index`.
    NoIndex,
    /// The list, with this as index.
    Index(&'static str),
    /// An empty list, since the token may not read.
    Filtered,
    /// An empty list from a server without leader.
    NoLeader,
    /// Reads the question and says nothing, for ever.
    Silence,
    /// Closes every second connection after the question.
    Close,
    /// Sends half of an answer and closes.
    Half,
    /// Sends the client somewhere else.
    Redirect,
}

/// A question as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) token: Option<String>,
}

impl Asked {
    pub(super) fn index(&self) -> Option<u64> {
        self.query.get("index").map(|index| index.parse().unwrap())
    }
}

struct Model {
    services: BTreeMap<String, Vec<Value>>,
    index: u64,
    fault: Fault,
    asked: Vec<Asked>,
    connections: usize,
}

type Shared = Arc<(Mutex<Model>, watch::Sender<u64>)>;

pub(super) struct Server {
    shared: Shared,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::listen(None).await
    }

    /// Speaks HTTPS.
    pub(super) async fn start_tls(config: Arc<rustls::ServerConfig>) -> Self {
        Self::listen(Some(config.into())).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let model = Model {
            services: BTreeMap::new(),
            index: 10,
            fault: Fault::None,
            asked: Vec::new(),
            connections: 0,
        };
        let shared = Arc::new((Mutex::new(model), watch::Sender::new(0)));
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { shared, address, task }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    fn change<T>(&self, what: impl FnOnce(&mut Model) -> T) -> T {
        let result = what(&mut self.shared.0.lock());
        self.shared.1.send_modify(|changes| *changes += 1);
        result
    }

    /// What a service has from now on. Held questions about it are answered.
    pub(super) fn set(&self, service: &str, entries: Vec<Value>) {
        self.change(|model| {
            model.services.insert(service.to_owned(), entries);
            model.index += 1;
        });
    }

    /// Answers held questions, though nothing has changed.
    pub(super) fn release(&self) {
        self.change(|model| model.index += 1);
    }

    /// Counts from here on.
    pub(super) fn set_index(&self, index: u64) {
        self.change(|model| model.index = index);
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.change(|model| model.fault = fault);
    }

    /// All questions so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.shared.0.lock().asked.clone()
    }

    /// Until so many questions have come.
    pub(super) async fn wait_for(&self, questions: usize) {
        let mut changes = self.shared.1.subscribe();
        while self.asked().len() < questions {
            changes.changed().await.unwrap();
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Shared) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let number = {
            let mut model = shared.0.lock();
            model.connections += 1;
            model.connections
        };
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        connections.spawn(async move {
            // The client may go away at any time.
            let _ = match tls {
                None => serve(stream, shared, number).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, shared, number).await,
                    Err(error) => Err(error),
                },
            };
        });
    }
}

async fn serve(stream: impl Stream, shared: Shared, connection: usize) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = question(&mut stream).await? {
        shared.0.lock().asked.push(asked.clone());
        shared.1.send_modify(|changes| *changes += 1);
        if !answer(&mut stream, &shared, &asked, connection).await? {
            return Ok(());
        }
    }
    Ok(())
}

async fn question(stream: &mut BufReader<impl Stream>) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut asked = Asked { path: path.to_owned(), query, token: None };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("x-consul-token") => {
                asked.token = Some(value.to_owned());
            }
            Some(_) => {}
            None => return Ok(Some(asked)),
        }
    }
}

/// Holds the question for as long as it may be held and nothing changes.
async fn hold(shared: &Shared, asked: &Asked) {
    let Some(index) = asked.index() else { return };
    let wait = asked.query.get("wait").and_then(|wait| wait.strip_suffix("ms")).unwrap();
    let wait = Duration::from_millis(wait.parse().unwrap());
    let mut changes = shared.1.subscribe();
    let higher = async {
        while shared.0.lock().index <= index {
            changes.changed().await.unwrap();
        }
    };
    let _ = tokio::time::timeout(wait, higher).await;
}

/// Whether the connection may go on.
async fn answer(
    stream: &mut BufReader<impl Stream>,
    shared: &Shared,
    asked: &Asked,
    connection: usize,
) -> std::io::Result<bool> {
    let fault = shared.0.lock().fault;
    if matches!(fault, Fault::None | Fault::NoIndex) {
        hold(shared, asked).await;
    }
    let (index, list, fault) = {
        let model = shared.0.lock();
        (model.index, list(&model, asked), model.fault)
    };
    let index = format!("X-Consul-Index: {index}\r\n");
    match fault {
        Fault::None => reply(stream, 200, &index, &list).await?,
        Fault::NoIndex => reply(stream, 200, "", &list).await?,
        Fault::Index(index) => reply(stream, 200, &format!("X-Consul-Index: {index}\r\n"), &list).await?,
        Fault::Status(status) => {
            let token = asked.token.as_deref().unwrap_or_default();
            reply(stream, status, "", &format!("rpc error making call: {token}")).await?;
        }
        Fault::Body(body) => reply(stream, 200, &index, body).await?,
        Fault::Huge(size) => reply(stream, 200, &index, &" ".repeat(size)).await?,
        Fault::Filtered => {
            let fields = format!("{index}X-Consul-Results-Filtered-By-ACLs: true\r\n");
            reply(stream, 200, &fields, "[]").await?;
        }
        Fault::NoLeader => {
            reply(stream, 200, &format!("{index}X-Consul-KnownLeader: false\r\n"), "[]").await?;
        }
        Fault::Redirect => reply(stream, 301, "Location: /elsewhere\r\n", "").await?,
        Fault::Silence => {
            // Until the client gives up.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return Ok(false);
        }
        Fault::Close if connection.is_multiple_of(2) => return Ok(false),
        // The connection ends either way, so that the next question comes on another one.
        Fault::Close => {
            reply(stream, 200, &format!("{index}Connection: close\r\n"), &list).await?;
            return Ok(false);
        }
        Fault::Half => {
            stream
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{\"Service\"")
                .await?;
            return Ok(false);
        }
    }
    Ok(true)
}

fn list(model: &Model, asked: &Asked) -> String {
    let name = asked.path.rsplit('/').next().unwrap();
    let entries = model.services.get(name).into_iter().flatten();
    let passing = |entry: &&Value| {
        let checks = entry["Checks"].as_array().into_iter().flatten();
        checks.map(|check| &check["Status"]).all(|status| status == "passing")
    };
    let filter = asked.query.contains_key("passing");
    Value::Array(entries.filter(|entry| !filter || passing(entry)).cloned().collect()).to_string()
}

async fn reply(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    fields: &str,
    body: &str,
) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n{fields}\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await
}

/// An entry as Consul writes it, with checks in these states.
pub(super) fn entry(number: usize, states: &[&str]) -> Value {
    let checks: Vec<_> = states.iter().map(|state| json!({ "CheckID": "c", "Status": state })).collect();
    json!({
        "Node": { "ID": "", "Node": format!("n{number}"), "Address": format!("10.0.1.{number}"), "Meta": null },
        "Service": {
            "ID": format!("users-{number}"),
            "Service": "users",
            "Tags": ["version=1.2"],
            "Address": format!("10.0.0.{number}"),
            "TaggedAddresses": null,
            "Meta": null,
            "Port": 80,
            "Weights": { "Passing": 1, "Warning": 1 },
        },
        "Checks": checks,
    })
}

/// That many, all healthy.
pub(super) fn entries(count: usize) -> Vec<Value> {
    (1..=count).map(|number| entry(number, &["passing"])).collect()
}

/// The tokens that came, without repetitions.
pub(super) fn tokens(asked: &[Asked]) -> BTreeSet<String> {
    asked.iter().filter_map(|asked| asked.token.clone()).collect()
}

//! Traffic that stands for all: each way to speak to a client, and each to an upstream.
//!
//! The load speaks HTTP/1.1. What it does not speak, the gateway speaks to itself: a request to `/h2/small` goes out over
//! HTTP/2, comes in again over HTTP/2 as `/small`, and goes to the origin.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::bench;

/// How long the gateway may take to start, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 8;
const ACCESS_LOG: &str = "train-access.log";

/// The ways out, by the first segment of the path; the last ones lead back in.
const WAYS: [&str; 4] = ["", "/h2", "/tls", "/h2s"];

const FIELDS: &str = "Host: bench.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n\
    Cookie: session=5b6f1d3c7a9e4f20b8d1c6e7a2f39440; theme=dark\r\n";

/// Starts `gateway`, sends each kind of traffic for so long, and ends it in order, so that it writes what it counted.
/// `folder` has a certificate.
///
/// # Errors
/// When it does not start, a request fails, or it ends with an error.
pub(crate) fn run(gateway: &Path, folder: &Path, seconds: u32) -> anyhow::Result<()> {
    let [port, tls, admin] = free()?;
    let origin = origin()?;
    let config = folder.join("train.toml");
    std::fs::write(&config, document(folder, [port, tls, admin], origin))?;
    let mut command = Command::new(gateway);
    command.args(["--workers", "1", "-conf"]).arg(&config).stdin(Stdio::null());
    let log = std::fs::File::create(folder.join("train.log"))?;
    // That of a former run.
    let _ = std::fs::remove_file(folder.join(ACCESS_LOG));
    command.stdout(log.try_clone()?).stderr(log);
    let mut gateway = Ended(command.spawn().context("cannot start the gateway")?);
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let runs = matches!(gateway.0.try_wait(), Ok(None)) && start.elapsed() < PATIENCE;
        anyhow::ensure!(runs, "the gateway does not start: see {}", folder.join("train.log").display());
        bench::pause(Duration::from_millis(20));
    }
    for way in WAYS {
        for kind in KINDS {
            let answers = kind.send(port, way, Duration::from_secs(seconds.into()))?;
            println!("{answers:>8} answers: {way}{} {}", kind.path, kind.about);
        }
    }
    gateway.end()
}

/// A kind of request.
struct Kind {
    about: &'static str,
    path: &'static str,
    /// Bytes of a request's body.
    body: usize,
    /// Whether each request has a path and fields of its own.
    differ: bool,
    /// Whether each has a connection of its own.
    close: bool,
}

const PLAIN: Kind = Kind { about: "", path: "/small", body: 0, differ: false, close: false };

const KINDS: [Kind; 6] = [
    PLAIN,
    Kind { about: "that differ", path: "/users/", differ: true, ..PLAIN },
    Kind { about: "to a POST", body: 4096, ..PLAIN },
    Kind { path: "/10k", ..PLAIN },
    Kind { path: "/chunked", ..PLAIN },
    Kind { about: "with a connection each", close: true, ..PLAIN },
];

impl Kind {
    /// Sends requests for so long over a few connections at once; how many were answered.
    fn send(&self, port: u16, way: &str, time: Duration) -> anyhow::Result<usize> {
        let end = Instant::now() + time;
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..CONNECTIONS).map(|at| scope.spawn(move || self.each(port, way, at, end))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("it panicked")))
                .sum()
        })
    }

    fn each(&self, port: u16, way: &str, at: usize, end: Instant) -> anyhow::Result<usize> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_nodelay(true)?;
        let mut answers = 0;
        loop {
            let request = self.request(way, at * 1_000_000 + answers);
            connection.write_all(request.as_bytes())?;
            answer(&mut connection).with_context(|| format!("{way}{}", self.path))?;
            answers += 1;
            if Instant::now() >= end {
                return Ok(answers);
            }
            if self.close {
                connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            }
        }
    }

    fn request(&self, way: &str, number: usize) -> String {
        let (method, path) = (if self.body > 0 { "POST" } else { "GET" }, self.path);
        let mut request = format!("{method} {way}{path}");
        if self.differ {
            request += &format!("{number} HTTP/1.1\r\nTraceparent: 00-{number:032x}-{number:016x}-01\r\n");
        } else {
            request += " HTTP/1.1\r\n";
        }
        request += FIELDS;
        if self.body > 0 {
            request += &format!("Content-Length: {}\r\n", self.body);
        }
        if self.close {
            request += "Connection: close\r\n";
        }
        request + "\r\n" + &"x".repeat(self.body)
    }
}

/// Reads an answer to its end.
fn answer(connection: &mut TcpStream) -> anyhow::Result<()> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
    while !is_whole(&bytes) {
        let read = connection.read(&mut buffer)?;
        anyhow::ensure!(read > 0, "an answer was cut: {}", bytes.escape_ascii());
        bytes.extend_from_slice(&buffer[..read]);
    }
    anyhow::ensure!(bytes.starts_with(b"HTTP/1.1 200 "), "another answer: {}", bytes.escape_ascii());
    Ok(())
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let (head, body) = bytes.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length.map_or_else(|| body.ends_with(b"0\r\n\r\n"), |length: usize| body.len() >= length)
}

fn document(folder: &Path, [port, tls, admin]: [u16; 3], origin: u16) -> String {
    let folder = folder.display();
    let way = |name: &str, protocol: &str, target: u16, more: &str| {
        format!(
            "[[endpoints]]\npath = \"/{name}/*\"\nprotocol = \"{protocol}\"\n\
             backends = [{{ target = \"127.0.0.1:{target}\"{more} }}]\n\
             [[endpoints.middlewares]]\nname = \"rewrite\"\noptions = {{ strip_prefix = \"/{name}\" }}\n"
        )
    };
    let secure = ", tls = true, tls_config_name = \"own\"";
    let ways =
        [way("h2", "grpc", port, ""), way("tls", "http", tls, secure), way("h2s", "grpc", tls, secure)]
            .concat();
    format!(
        "listeners = [\n  {{ address = \"127.0.0.1:{port}\" }},\n  {{ address = \"127.0.0.1:{tls}\", \
         certificates = [{{ cert = \"{folder}/cert.pem\", key = \"{folder}/key.pem\" }}] }},\n]\n\
         admin = {{ address = \"127.0.0.1:{admin}\" }}\n\
         access_log = {{ format = \"json\", path = \"{folder}/{ACCESS_LOG}\" }}\n\
         tls_store = {{ own = {{ insecure = true }} }}\n\
         middlewares = [{{ name = \"logging\" }}, {{ name = \"request_id\" }}, {{ name = \"cors\" }}]\n{ways}\
         [[endpoints]]\npath = \"/users/{{id}}\"\nbackends = [{{ target = \"127.0.0.1:{origin}\" }}]\n\
         [[endpoints]]\npath = \"/*\"\nbackends = [{{ target = \"127.0.0.1:{origin}\" }}]\n"
    )
}

/// Ports that nobody has at the moment, and that no connection will be given meanwhile as its own: those are from
/// 32768 on (`ip_local_port_range`), and thousands of them are taken when tests have just run.
fn free<const N: usize>() -> anyhow::Result<[u16; N]> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
    // Another run may look for some at this moment.
    let first = 20_000 + u16::try_from(std::process::id() % 1000)? * 10;
    let mut found = (first..32_768).filter(|port| bind(*port).is_some());
    let mut ports = [0; N];
    for port in &mut ports {
        *port = found.next().context("no port is free")?;
    }
    Ok(ports)
}

/// The benchmark's origin, for as long as this program runs.
fn origin() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || bench::origin::serve_plain(&listener));
    Ok(port)
}

/// A program that ends with this one.
struct Ended(Child);

impl Ended {
    fn end(&mut self) -> anyhow::Result<()> {
        let pid = self.0.id().to_string();
        anyhow::ensure!(crate::shell::succeeds(Command::new("kill").arg(&pid)), "cannot end the gateway");
        let start = Instant::now();
        loop {
            match self.0.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => anyhow::bail!("the gateway ended with {status}"),
                None if start.elapsed() > PATIENCE => anyhow::bail!("the gateway does not end"),
                None => bench::pause(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

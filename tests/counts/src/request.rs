//! A whole request: server, proxy and client, with a connection on either side, between a caller and an origin.
//!
//! Both wait a while before they speak, so that the gateway always sleeps when something comes: what it does is the
//! same however fast the machine is. Their own instructions are few.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gw_client::{ClientFactory, ClientOptions, Static};
use gw_core::Handler;
use gw_server::{Inherited, ListenerOptions, ProxyServer, ServerOptions};
use tokio::runtime::Runtime;

use crate::Thing;
use crate::proxy::{BODY, serving};

/// Long enough for the gateway to fall asleep, though callgrind makes it fifty times slower.
const REST: Duration = Duration::from_millis(3);

const ANSWER: &str = "HTTP/1.1 200 OK\r\nserver: origin\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\n\
    content-type: text/plain\r\ncache-control: no-cache\r\nx-frame-options: DENY\r\n\
    x-content-type-options: nosniff\r\ncontent-length: 13\r\n\r\nthirteen byte";

/// `request` is what the caller sends each time, on one connection.
pub(crate) fn kept(request: Vec<u8>) -> Thing {
    let (gateway, address) = gateway();
    let mut caller = connect(address);
    Box::new(move |_| {
        // It lives as long as the thing.
        let _ = &gateway;
        rest();
        ask(&mut caller, &request);
    })
}

/// The same on a connection of its own each time, which closes.
pub(crate) fn closing(request: Vec<u8>) -> Thing {
    let (gateway, address) = gateway();
    Box::new(move |_| {
        let _ = &gateway;
        rest();
        let mut caller = connect(address);
        rest();
        ask(&mut caller, &request);
        rest();
    })
}

fn connect(address: SocketAddr) -> TcpStream {
    let caller = TcpStream::connect(address).unwrap();
    caller.set_nodelay(true).unwrap();
    caller
}

fn ask(caller: &mut TcpStream, request: &[u8]) {
    caller.write_all(request).unwrap();
    let answer = until(caller, BODY.as_bytes());
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

/// What has to live for a gateway to serve.
type Gateway = (ProxyServer, Runtime, Arc<ClientFactory>);

/// A gateway before an origin, and its address.
fn gateway() -> (Gateway, SocketAddr) {
    let origin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = origin.local_addr().unwrap().to_string();
    thread::spawn(move || serve(&origin));
    let control = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let guard = control.enter();
    let clients =
        ClientFactory::new(ClientOptions::new(control.handle().clone(), Arc::new(Static::default())));
    let proxy: Arc<dyn Handler> = serving(&address, &|spec| clients.client(spec));
    let options =
        ServerOptions { workers: 1, observer: Arc::new(()), metrics: None, inherited: Inherited::default() };
    let server = ProxyServer::new(options, proxy).unwrap();
    let listener = ListenerOptions::new("counted", "127.0.0.1:0".parse().unwrap());
    let bound = server.commit(server.prepare(vec![listener]).unwrap());
    drop(guard);
    ((server, control, clients), bound[0].address)
}

/// Answers on one connection after the other: there is one client. Bodies end as heads do.
fn serve(listener: &TcpListener) {
    for mut stream in listener.incoming().flatten() {
        stream.set_nodelay(true).unwrap();
        while !until(&mut stream, b"\r\n\r\n").is_empty() {
            rest();
            stream.write_all(ANSWER.as_bytes()).unwrap();
        }
    }
}

/// Reads until `end` has come; nothing, if the connection ends.
fn until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let (mut read, mut buffer) = (Vec::with_capacity(4096), [0; 4096]);
    while !read.ends_with(end) {
        match stream.read(&mut buffer).unwrap() {
            0 => return Vec::new(),
            more => read.extend_from_slice(&buffer[..more]),
        }
    }
    read
}

#[expect(clippy::disallowed_methods, reason = "this thread is none of the gateway's")]
fn rest() {
    thread::sleep(REST);
}

//! Listeners across reloads, ports, and the spread of connections over workers.

use std::sync::Arc;
use std::time::Duration;

use gw_server::{
    BindError, Inherited, Limits, ListenAddress, ListenerOptions, ProxyServer, ServerOptions, StartError,
};

use crate::harness::{Client, Server, echo, inherit, listener, loopback, patient, serve};

fn named(name: &str) -> ListenerOptions {
    ListenerOptions::new(name, loopback())
}

fn reload(server: &Server, listeners: Vec<ListenerOptions>) -> Vec<gw_server::Bound> {
    server.server.commit(server.server.prepare(listeners).unwrap())
}

async fn get(address: std::net::SocketAddr) -> u16 {
    let mut client = Client::connect(address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.answer().await.status
}

#[tokio::test]
async fn a_kept_listener_keeps_its_socket_and_connections_and_takes_new_limits() {
    let server = serve(echo);
    let mut before = Client::connect(server.address).await;
    before.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(before.answer().await.status, 200);
    let bound = reload(&server, vec![listener(Limits { target_bytes: 4, ..Limits::default() })]);
    assert_eq!(bound[0].address, server.address);
    let long = "GET /longer HTTP/1.1\r\nHost: a\r\n\r\n";
    before.send(long).await;
    assert_eq!(before.answer().await.status, 200);
    let mut after = Client::connect(server.address).await;
    after.send(long).await;
    assert_eq!(after.answer().await.status, 414);
}

/// Whether a request was answered; not if the kernel had given its connection to a socket in the moment of its end.
#[cfg(target_os = "linux")]
async fn is_answered(address: std::net::SocketAddr) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut answer = String::new();
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await?;
        stream.read_to_string(&mut answer).await
    };
    if let Err(error) = asked.await {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        return false;
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    true
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_reload_narrows_and_widens_an_address() {
    let server = serve(echo);
    let all = reload(&server, vec![ListenerOptions::new("test", ListenAddress::DualStack(0))])[0].address;
    let one = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, all.port()));
    for address in [ListenAddress::Socket(one), ListenAddress::DualStack(all.port())] {
        reload(&server, vec![ListenerOptions::new("test", address)]);
        let answered = patient(async { while !is_answered(one).await {} });
        answered.await;
    }
}

#[tokio::test]
async fn listeners_come_and_go() {
    let server = serve(echo);
    let mut kept = Client::connect(server.address).await;
    kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(kept.answer().await.status, 200);
    let bound = reload(&server, vec![named("test"), named("other")]);
    let other = bound[1].address;
    assert_eq!((bound[0].address, &*bound[1].name), (server.address, "other"));
    assert_eq!(get(other).await, 200);
    let mut held = Client::connect(other).await;
    held.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(held.answer().await.status, 200);
    held.send("GET /half").await;
    server.until(|server| server.connections().iter().any(|open| open.phase == "head")).await;
    reload(&server, vec![named("test")]);
    // The port is free, the request that was begun is served, the other listener never noticed.
    server.until(|_| std::net::TcpStream::connect(other).is_err()).await;
    held.send(" HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = held.answer().await;
    assert_eq!((answer.status, answer.closes()), (200, true));
    kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(kept.answer().await.status, 200);
    server.until(|server| server.connections().len() == 1).await;
    reload(&server, vec![named("test")]);
    assert_eq!(server.server.listeners().len(), 1);
}

#[tokio::test]
async fn what_is_prepared_and_dropped_changes_nothing() {
    let server = serve(echo);
    drop(server.server.prepare(vec![named("other")]).unwrap());
    assert_eq!(get(server.address).await, 200);
    assert_eq!(server.server.listeners().len(), 1);
}

#[tokio::test]
async fn a_taken_port_is_an_error_and_the_old_listeners_serve_on() {
    let server = serve(echo);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = ListenAddress::Socket(taken.local_addr().unwrap());
    let refused = server.server.prepare(vec![named("test"), ListenerOptions::new("taken", address)]);
    assert!(matches!(refused, Err(BindError::InUse { .. })));
    // Another gateway shares its port between its own workers, not with us.
    let other = serve(echo);
    let address = ListenAddress::Socket(other.address);
    assert!(matches!(
        server.server.prepare(vec![ListenerOptions::new("theirs", address)]),
        Err(BindError::InUse { .. })
    ));
    let twice = vec![ListenerOptions::new("a", address), ListenerOptions::new("b", address)];
    assert!(server.server.prepare(twice).is_err());
    assert_eq!(get(server.address).await, 200);
}

#[tokio::test]
async fn connections_are_spread_over_the_workers() {
    // The kernel spreads by chance; ten even rounds are none.
    for _ in 0..10 {
        let server = serve(echo);
        let mut held = Vec::new();
        for n in 1..=12 {
            held.push(Client::connect(server.address).await);
            server.until(|server| server.connections().len() == n).await;
        }
        let first = server.server.connections().iter().filter(|open| open.worker == 0).count();
        assert!((5..=7).contains(&first), "{first} of 12 on the first worker");
    }
}

/// The port has two queues, whoever serves it.
#[tokio::test]
async fn a_successor_serves_every_inherited_queue_with_any_number_of_workers() {
    let mut server = serve(echo);
    for workers in [1, 3, 2] {
        let inherited = Inherited::new(server.server.share().unwrap());
        let successor = inherit(listener(Limits::default()), workers, inherited.clone());
        assert_eq!((successor.address, inherited.close()), (server.address, Vec::new()));
        assert!(server.server.drain(Duration::from_secs(5)).await.complete);
        for _ in 0..32 {
            assert_eq!(get(server.address).await, 200);
        }
        server = successor;
    }
    server.server.drain(Duration::from_secs(5)).await;
    assert!(std::net::TcpStream::connect(server.address).is_err(), "a descriptor is left");
}

#[tokio::test]
async fn what_no_listener_inherits_is_closed() {
    let server = serve(echo);
    reload(&server, vec![named("test"), named("other")]);
    let inherited = Inherited::new(server.server.share().unwrap());
    let other = server.server.listeners()[1].address;
    server.server.drain(Duration::from_secs(5)).await;
    assert!(std::net::TcpStream::connect(other).is_ok());
    let successor = inherit(listener(Limits::default()), 2, inherited.clone());
    assert_eq!(inherited.close(), [other]);
    assert!(std::net::TcpStream::connect(other).is_err());
    assert_eq!(get(successor.address).await, 200);
}

#[tokio::test]
async fn tasks_are_listed() {
    let server = serve(echo);
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    server
        .until(|server| {
            let count = |name: &str| -> usize {
                server.tasks().iter().filter(|task| task.name == name).map(|task| task.live).sum()
            };
            (count("accept"), count("sweep"), count("connection")) == (2, 2, 1)
        })
        .await;
}

#[tokio::test]
async fn a_server_needs_a_worker_and_fails_only_unasked() {
    struct Never;
    impl gw_core::Handler for Never {
        fn call(
            &self,
            _: gw_core::Request,
            _: Arc<gw_core::ConnContext>,
        ) -> gw_core::BoxFuture<'_, gw_core::Response> {
            Box::pin(std::future::pending())
        }
    }
    let options =
        ServerOptions { workers: 0, observer: Arc::new(()), metrics: None, inherited: Inherited::default() };
    assert!(matches!(ProxyServer::new(options, Arc::new(Never)), Err(StartError::NoWorkers)));
    let options =
        ServerOptions { workers: 1, observer: Arc::new(()), metrics: None, inherited: Inherited::default() };
    let server = ProxyServer::new(options, Arc::new(Never)).unwrap();
    server.drain(Duration::ZERO).await;
    assert!(futures_util::FutureExt::now_or_never(server.failed()).is_none());
}

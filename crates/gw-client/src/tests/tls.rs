//! TLS upstreams: ALPN, names, client certificates, upgrades beside HTTP/2.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use gw_core::{Body, Outcome, Progress};
use gw_tls::{CertificateSource, CertificateStore, ClientProfile, Profile, server_config};
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::coop;
use tokio_rustls::TlsAcceptor;

use super::harness::{Caller, Origin, request, text};
use crate::{BackendSpec, Protocol, Target};

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (cert.pem(), key.serialize_pem())
    }

    pub(super) fn trusted(&self) -> Profile {
        Profile { ca: Some(self.0.pem()), ..Profile::default() }
    }

    /// The settings of a server for `name`.
    pub(super) fn server(&self, name: &str, http2: bool) -> Arc<rustls::ServerConfig> {
        let (cert, key) = self.issue(name);
        let source = CertificateSource { cert, key, server_names: Vec::new() };
        server_config(CertificateStore::new(&[source]).unwrap(), http2)
    }
}

/// Answers `version sni` over TLS, h1 or h2 as agreed.
pub(super) async fn serving(config: Arc<rustls::ServerConfig>) -> Origin {
    Origin::start(move |wire, _| {
        let acceptor = TlsAcceptor::from(Arc::clone(&config));
        async move {
            let Ok(tls) = acceptor.accept(wire.socket).await else { return };
            let session = tls.get_ref().1;
            let h2 = session.alpn_protocol() == Some(b"h2");
            let name: Arc<str> = session.server_name().unwrap_or("-").into();
            let service = hyper::service::service_fn(move |req: http::Request<Incoming>| {
                let text = format!("{:?} {name}", req.version());
                async { Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(text)))) }
            });
            if h2 {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                drop(server.serve_connection(TokioIo::new(tls), service).await);
            } else {
                let server = hyper::server::conn::http1::Builder::new();
                drop(server.serve_connection(TokioIo::new(tls), service).await);
            }
        }
    })
    .await
}

fn caller(address: SocketAddr, profile: &Profile, protocol: Protocol) -> Caller {
    Caller::with(address, |spec| {
        spec.backends[0].tls = Some(ClientProfile::build(profile).unwrap());
        spec.protocol = protocol;
    })
}

#[tokio::test]
async fn alpn_decides_between_the_versions() {
    let authority = Authority::new();
    let profile = Profile { server_name: Some("a.test".to_owned()), ..authority.trusted() };
    for (http2, protocol, expect) in [
        (true, Protocol::Http, Some("HTTP/2.0 a.test")),
        (false, Protocol::Http, Some("HTTP/1.1 a.test")),
        (true, Protocol::Http2, Some("HTTP/2.0 a.test")),
        (false, Protocol::Http2, None),
        (true, Protocol::Grpc, Some("HTTP/2.0 a.test")),
        (false, Protocol::Grpc, None),
    ] {
        let origin = serving(authority.server("a.test", http2)).await;
        let caller = caller(origin.address, &profile, protocol);
        // Several at once: while nothing is agreed yet, one opens and the others wait for what it finds.
        let calls = futures_util::future::join_all((0..4).map(|_| caller.get())).await;
        for answer in calls {
            match (answer, expect) {
                (Ok(answer), Some(expect)) => assert_eq!(text(answer).await, expect),
                (Err(error), None) => {
                    assert_eq!(error.outcome(), Outcome::TlsError);
                    assert_eq!(error.progress(), Progress::Unsent);
                }
                (answer, _) => panic!("{http2} {protocol:?}: {answer:?}"),
            }
        }
        if http2 {
            assert_eq!(origin.accepted(), 1);
        }
        assert_eq!(caller.in_flight(), 0);
    }
}

#[tokio::test]
async fn the_name_is_the_profiles_else_the_targets_else_the_hosts_else_the_address() {
    let authority = Authority::new();
    let name = |host: &str, port| Target::Name { host: host.into(), port };
    for (certificate, own, by_name, host, expect) in [
        ("a.test", Some("a.test"), true, Some("c.test"), Some("a.test")),
        ("b.test", None, true, Some("c.test"), Some("b.test")),
        ("c.test", None, false, Some("c.test:8443"), Some("c.test")),
        ("127.0.0.1", None, false, Some("127.0.0.9"), Some("-")),
        ("127.0.0.1", None, false, None, Some("-")),
        ("d.test", None, true, None, None),
    ] {
        let origin = serving(authority.server(certificate, false)).await;
        let profile = Profile { server_name: own.map(str::to_owned), ..authority.trusted() };
        let port = origin.address.port();
        let target = if by_name { name("b.test", port) } else { Target::Address(origin.address) };
        let mut backend = BackendSpec::new(target);
        backend.tls = Some(ClientProfile::build(&profile).unwrap());
        backend.host = host.map(str::to_owned);
        let caller = Caller::of(vec![backend], |_| ());
        caller.dns.set(&format!("b.test:{port}"), super::harness::instances(&[origin.address]));
        match (caller.get().await, expect) {
            (Ok(answer), Some(expect)) => assert_eq!(text(answer).await, format!("HTTP/1.1 {expect}")),
            (Err(error), None) => {
                assert_eq!((error.outcome(), error.progress()), (Outcome::TlsError, Progress::Unsent));
            }
            (answer, _) => panic!("{certificate}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn instances_of_a_service_are_spoken_to_over_tls_too() {
    let authority = Authority::new();
    let origin = serving(authority.server("a.test", true)).await;
    let profile = Profile { server_name: Some("a.test".to_owned()), ..authority.trusted() };
    let mut backend = BackendSpec::new(Target::Service("users".into()));
    backend.tls = Some(ClientProfile::build(&profile).unwrap());
    let caller = Caller::of(vec![backend], |_| ());
    caller.dns.set("users", super::harness::instances(&[origin.address]));
    super::harness::until(|| caller.cluster.inspect().nodes.len() == 1).await;
    assert_eq!(caller.text().await, "HTTP/2.0 a.test");
}

#[tokio::test]
async fn connections_are_shared_only_under_one_identity() {
    let authority = Authority::new();
    let origin = serving(authority.server("a.test", true)).await;
    let named = Profile { server_name: Some("a.test".to_owned()), ..authority.trusted() };
    let caller = caller(origin.address, &named, Protocol::Http);
    caller.text().await;
    let backend = |profile: &Profile| {
        let mut backend = BackendSpec::new(Target::Address(origin.address));
        backend.tls = Some(ClientProfile::build(profile).unwrap());
        backend
    };
    let _same = caller.cluster(vec![backend(&named)]);
    assert_eq!(caller.factory.upstreams(), 1);
    let _other = caller.cluster(vec![backend(&Profile { insecure: true, ..named })]);
    assert_eq!(caller.factory.upstreams(), 2);
    // One profile, but verified for different names.
    let hosted = |host: &str| BackendSpec { host: Some(host.to_owned()), ..backend(&authority.trusted()) };
    let _hosted = caller.cluster(vec![hosted("a.test"), hosted("b.test"), hosted("a.test:1")]);
    assert_eq!(caller.factory.upstreams(), 4);
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let authority = Authority::new();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.0.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let (cert, key) = authority.issue("a.test");
    let source = CertificateSource { cert, key, server_names: Vec::new() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_cert_resolver(CertificateStore::new(&[source]).unwrap());
    let origin = serving(Arc::new(config)).await;
    let bare = Profile { server_name: Some("a.test".to_owned()), ..authority.trusted() };
    let refused = caller(origin.address, &bare, Protocol::Http).get().await.unwrap_err();
    assert!(refused.outcome().facts().hurts_node, "{refused:?}");
    let (cert, key) = authority.issue("client.test");
    let ours = Profile { cert: Some(cert), key: Some(key), ..bare };
    assert_eq!(caller(origin.address, &ours, Protocol::Http).text().await, "HTTP/1.1 a.test");
}

/// An origin that answers one HEAD on each connection, and a caller that has the first one idle; `after` is sent on it once
/// the first notice is given, and the second one says so.
async fn idle(after: Option<&'static [u8]>) -> (Origin, Caller, [Arc<Notify>; 2]) {
    let authority = Authority::new();
    let config = authority.server("a.test", false);
    let notices: [Arc<Notify>; 2] = Default::default();
    let told = notices.clone();
    let origin = Origin::start(move |wire, _| {
        let (acceptor, [go, gone]) = (TlsAcceptor::from(Arc::clone(&config)), told.clone());
        async move {
            let mut tls = acceptor.accept(wire.socket).await.unwrap();
            let _ = tls.read(&mut [0; 4096]).await.unwrap();
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            go.notified().await;
            if let Some(after) = after {
                tls.write_all(after).await.unwrap();
                gone.notify_one();
                return std::future::pending().await;
            }
            drop(tls);
            gone.notify_one();
        }
    })
    .await;
    let profile = Profile { server_name: Some("a.test".to_owned()), ..authority.trusted() };
    let caller = caller(origin.address, &profile, Protocol::Http);
    let head = request(Method::HEAD, Body::empty());
    assert_eq!(caller.send(head).await.unwrap().status(), StatusCode::OK);
    assert_eq!(caller.connections().idle, 1);
    (origin, caller, notices)
}

/// A task that has done much since it last waited is told `Pending` of everything, which is no news of the socket.
#[tokio::test]
async fn a_dead_connection_is_found_by_a_busy_task_too() {
    let (origin, caller, [go, gone]) = idle(None).await;
    go.notify_one();
    gone.notified().await;
    // The runtime looks at its sockets before it comes back.
    tokio::task::yield_now().await;
    let mut post = pin!(caller.post("x"));
    let begun = poll_fn(|cx| {
        while coop::has_budget_remaining() {
            let _ = pin!(coop::consume_budget()).poll(cx);
        }
        Poll::Ready(post.as_mut().poll(cx))
    });
    let answer = match begun.await {
        Poll::Ready(answer) => answer,
        Poll::Pending => post.await,
    };
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert_eq!(origin.accepted(), 2);
}

#[cfg(not(feature = "hyper-h1"))]
#[tokio::test]
async fn a_body_that_none_may_have_is_never_the_next_answer() {
    let (_origin, caller, [go, gone]) = idle(Some(b"HTTP/1.1 404 Poison\r\ncontent-length: 0\r\n\r\n")).await;
    // A task comes to its turn before the runtime looks at its sockets.
    let next = tokio::spawn(async move {
        go.notify_one();
        gone.notified().await;
        caller.get().await.unwrap().status()
    });
    assert_eq!(next.await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn an_upgrade_over_tls_has_an_http_1_connection_beside_http_2() {
    let authority = Authority::new();
    let config = authority.server("a.test", true);
    let origin = Origin::start(move |wire, _| {
        let acceptor = TlsAcceptor::from(Arc::clone(&config));
        async move {
            let tls = acceptor.accept(wire.socket).await.unwrap();
            if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
                let mut connection = h2::server::handshake(tls).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    respond.send_response(http::Response::new(()), true).unwrap();
                }
                return;
            }
            let service = hyper::service::service_fn(|_: http::Request<Incoming>| async {
                let response = http::Response::builder()
                    .status(StatusCode::SWITCHING_PROTOCOLS)
                    .header(header::CONNECTION, "upgrade")
                    .header(header::UPGRADE, "websocket");
                Ok::<_, Infallible>(response.body(Full::new(Bytes::new())).unwrap())
            });
            let server = hyper::server::conn::http1::Builder::new();
            drop(server.serve_connection(TokioIo::new(tls), service).with_upgrades().await);
        }
    })
    .await;
    let profile = Profile { server_name: Some("a.test".to_owned()), ..authority.trusted() };
    let caller = caller(origin.address, &profile, Protocol::Http);
    assert_eq!(caller.get().await.unwrap().status(), StatusCode::OK);
    let mut upgrade = request(Method::GET, Body::empty());
    upgrade.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    upgrade.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    let response = caller.send(upgrade).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(origin.accepted(), 2);
    // HTTP/2 goes on over the first one.
    assert_eq!(caller.get().await.unwrap().status(), StatusCode::OK);
    assert_eq!(origin.accepted(), 2);
}

/// An origin of which HTTP/2 answers never end, and upgrades are granted.
async fn endless(config: Arc<rustls::ServerConfig>) -> Origin {
    Origin::start(move |wire, _| {
        let acceptor = TlsAcceptor::from(Arc::clone(&config));
        async move {
            let Ok(mut tls) = acceptor.accept(wire.socket).await else { return };
            if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
                let granted = b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
                tls.write_all(granted).await.unwrap();
                return std::future::pending().await;
            }
            let mut connection = h2::server::handshake(tls).await.unwrap();
            let mut streams = Vec::new();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                streams.push(respond.send_response(http::Response::new(()), false).unwrap());
            }
        }
    })
    .await
}

#[tokio::test]
async fn an_upgrade_that_waits_for_a_place_holds_up_no_stream() {
    let authority = Authority::new();
    let origin = endless(authority.server("a.test", true)).await;
    let profile = Profile { server_name: Some("a.test".to_owned()), ..authority.trusted() };
    let caller = Caller::with(origin.address, |spec| {
        spec.backends[0].tls = Some(ClientProfile::build(&profile).unwrap());
        spec.max_connections = 1;
    });
    let first = caller.get().await.unwrap();
    let mut upgrade = request(Method::GET, Body::empty());
    upgrade.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    upgrade.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    let mut upgrade = Box::pin(caller.send(upgrade));
    assert!(futures_util::poll!(&mut upgrade).is_pending());
    let second = caller.get().await.unwrap();
    assert_eq!((caller.connections().streams, caller.connections().waiting), (2, 1));
    // The place is its own when the last stream has ended.
    drop((first, second));
    let tunnel = upgrade.await.unwrap();
    assert_eq!(tunnel.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(caller.connections().open, 1);
}

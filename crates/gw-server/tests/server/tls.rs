//! TLS and ALPN.

use std::sync::Arc;
use std::time::Duration;

use gw_server::{Limits, ListenerOptions};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::harness::{Client, Server, listener, patient, start};

struct Identity {
    server: Arc<rustls::ServerConfig>,
    roots: Arc<rustls::RootCertStore>,
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn identity() -> Identity {
    let made = rcgen::generate_simple_self_signed(["gw.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    Identity { server: Arc::new(server), roots: Arc::new(roots) }
}

/// Answers with scheme, SNI and what ALPN said.
fn serve_tls(limits: Limits) -> (Server, Arc<rustls::RootCertStore>) {
    let Identity { server, roots } = identity();
    let options = ListenerOptions { tls: Some(server), ..listener(limits) };
    let server = start(options, |_, conn| async move {
        let tls = conn.tls.clone().unwrap();
        let text = format!("{} {} {}", conn.scheme(), tls.server_name.unwrap(), tls.h2);
        http::Response::new(text.into())
    });
    (server, roots)
}

async fn connect(
    server: &Server,
    roots: Arc<rustls::RootCertStore>,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("gw.test").unwrap();
    patient(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

#[tokio::test]
async fn http1_over_tls() {
    let (server, roots) = serve_tls(Limits::default());
    for alpn in [vec![], vec![b"http/1.1".as_slice()]] {
        let mut stream = connect(&server, Arc::clone(&roots), &alpn).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        // An end without close_notify would be an error here.
        patient(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.ends_with("https gw.test false"), "{answer}");
    }
}

#[tokio::test]
async fn http2_over_tls() {
    let (server, roots) = serve_tls(Limits::default());
    let stream = connect(&server, roots, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let _task = tokio::spawn(connection);
    let request = http::Request::get("https://gw.test/").body(Full::<bytes::Bytes>::default()).unwrap();
    let response = patient(sender.send_request(request)).await.unwrap();
    assert_eq!(crate::http2::text(response).await, "https gw.test true");
}

#[tokio::test]
async fn what_is_no_handshake_is_closed_and_counted() {
    let (server, _) = serve_tls(Limits::default());
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    let mut sink = Vec::new();
    let _ = patient(client.stream.read_to_end(&mut sink)).await;
    assert!(!sink.starts_with(b"HTTP"));
    let stats = server.listener().stats;
    server.until(|_| stats.handshakes_failed.load(std::sync::atomic::Ordering::Relaxed) == 1).await;
}

#[tokio::test]
async fn a_handshake_that_stands_still_is_cut() {
    let limits = Limits { handshake_timeout: Duration::from_millis(40), ..Limits::default() };
    let (server, _) = serve_tls(limits);
    let mut client = Client::connect(server.address).await;
    client.send([0x16, 0x03]).await;
    assert_eq!(client.rest().await, "");
    server.until(|server| server.connections().is_empty()).await;
}

#[tokio::test]
async fn a_slow_head_over_tls_is_answered_408() {
    let limits = Limits { header_timeout: Duration::from_millis(40), ..Limits::default() };
    let (server, roots) = serve_tls(limits);
    let mut stream = connect(&server, roots, &[]).await.unwrap();
    stream.write_all(b"GET / HT").await.unwrap();
    let mut answer = Vec::new();
    let _ = patient(stream.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{answer:?}");
}

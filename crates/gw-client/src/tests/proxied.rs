//! Upstreams behind a forward proxy: forwarded, tunnelled, refused, passed by.

use std::net::SocketAddr;
use std::sync::Arc;

use gw_core::{Outcome, Progress};
use gw_egress::ForwardProxies;
use gw_tls::ClientProfile;
use http::StatusCode;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::harness::{Caller, OK, Origin, instances, text, until};
use super::tls::{Authority, serving};
use super::upgrade::asking;
use crate::{BackendSpec, Policy, Protocol, Target};

/// What `me:secret` is in `Proxy-Authorization`.
const CREDENTIALS: &str = "proxy-authorization: Basic bWU6c2VjcmV0\r\n";

fn proxies(variables: &[(&str, &str)]) -> ForwardProxies {
    let of =
        |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|found| found.1.to_owned());
    ForwardProxies::from_variables(of).unwrap()
}

fn target(text: &str) -> BackendSpec {
    BackendSpec::new(Target::parse(text).unwrap())
}

/// A proxy that answers what it shall forward by the head it got, and leads every tunnel to `origin`.
async fn proxy(origin: SocketAddr) -> Origin {
    Origin::start(move |mut wire, number| async move {
        while let Some(head) = wire.head().await {
            if head.starts_with("CONNECT ") {
                let mut upstream = TcpStream::connect(origin).await.unwrap();
                // What frames a body frames none here (RFC 9110 §9.3.6).
                wire.send("HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 Connection established\r\n").await;
                wire.send("content-length: 5\r\n\r\n").await;
                drop(copy_bidirectional(&mut wire.socket, &mut upstream).await);
                return;
            }
            let seen = format!("{number} {head}");
            // In chunks, so that the connection is held until they are read.
            let chunk = format!("{:x}\r\n{seen}\r\n0\r\n\r\n", seen.len());
            wire.send(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}")).await;
        }
    })
    .await
}

/// An address that takes no connection.
async fn gone() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A proxy that gives every request this answer, and the heads that it got.
async fn answering(answer: &'static str) -> (Origin, Arc<parking_lot::Mutex<Vec<String>>>) {
    let heads = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let proxy = Origin::start(move |mut wire, _| {
        let seen = Arc::clone(&seen);
        async move {
            while let Some(head) = wire.head().await {
                seen.lock().push(head);
                wire.send(answer).await;
            }
        }
    });
    (proxy.await, heads)
}

fn caller(variables: &[(&str, &str)], backends: Vec<BackendSpec>, protocol: Protocol) -> Caller {
    Caller::proxied(proxies(variables), backends, |spec| spec.protocol = protocol)
}

fn plain(proxy: &Origin, upstream: &str) -> Caller {
    let url = format!("http://me:secret@{}", proxy.address);
    caller(&[("HTTP_PROXY", &url)], vec![target(upstream)], Protocol::Http)
}

#[tokio::test]
async fn a_plain_request_goes_in_absolute_form_and_its_name_is_the_proxys_to_resolve() {
    let nobody = Origin::answering(OK).await;
    let proxy = proxy(nobody.address).await;
    for (name, host) in [
        ("orders.internal:80", "orders.internal"),
        ("Orders.internal:8080", "orders.internal:8080"),
        ("192.0.2.1:80", "192.0.2.1"),
        ("[2001:db8::1]:81", "[2001:db8::1]:81"),
    ] {
        let caller = plain(&proxy, name);
        let seen = caller.text().await;
        let (_, head) = seen.split_once(' ').unwrap();
        assert!(head.starts_with(&format!("GET http://{host}/path?query HTTP/1.1\r\n")), "{seen}");
        assert!(head.contains(&format!("host: {host}\r\n")) && !head.contains("host.test"), "{seen}");
        assert!(head.contains(CREDENTIALS), "{seen}");
        // The connection serves again, and the node has the upstream's name.
        let (first, again) = (seen.split_once(' ').unwrap().0.to_owned(), caller.text().await);
        assert_eq!(again.split_once(' ').unwrap().0, first);
        let node = &caller.cluster.inspect().nodes[0];
        assert_eq!(node.address, name.to_ascii_lowercase());
        assert_eq!(node.proxy, Some(format!("http://{}", proxy.address)));
    }
    assert_eq!(nobody.accepted(), 0);
}

/// RFC 9112 §3.2.4: the proxy makes `*` of a URL without a path. hyper's half cannot write one.
#[cfg(not(feature = "hyper-h1"))]
#[tokio::test]
async fn a_request_about_the_whole_server_has_a_url_without_path() {
    let (proxy, heads) = answering(OK).await;
    let caller = plain(&proxy, "orders.internal:80");
    let mut whole = super::harness::request(http::Method::OPTIONS, gw_core::Body::empty());
    *whole.uri_mut() = http::Uri::from_static("*");
    super::harness::read(caller.send(whole).await.unwrap()).await.unwrap();
    assert!(heads.lock()[0].starts_with("OPTIONS http://orders.internal HTTP/1.1\r\n"), "{heads:?}");
}

#[tokio::test]
async fn what_is_not_behind_a_proxy_is_reached_directly() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ndirect").await;
    let proxy = proxy(origin.address).await;
    let url = format!("http://{}", proxy.address);
    let port = origin.address.port();
    for (variables, name) in [
        (vec![("HTTP_PROXY", url.as_str())], "127.0.0.1"),
        (vec![("HTTP_PROXY", &*url)], "localhost"),
        (vec![("HTTP_PROXY", &*url), ("NO_PROXY", "x, .internal")], "orders.internal"),
        (vec![("HTTPS_PROXY", &*url)], "orders.internal"),
    ] {
        let caller = caller(&variables, vec![target(&format!("{name}:{port}"))], Protocol::Http);
        caller.dns.set(&format!("{name}:{port}"), instances(&[origin.address]));
        assert_eq!(caller.text().await, "direct", "{variables:?}");
        assert_eq!(caller.cluster.inspect().nodes[0].proxy, None);
    }
    assert_eq!(proxy.accepted(), 0);
}

#[tokio::test]
async fn h2c_never_goes_through_a_proxy() {
    let proxy = Origin::answering(OK).await;
    let url = format!("http://{}", proxy.address);
    for protocol in [Protocol::Http2, Protocol::Grpc] {
        let variables = [("HTTP_PROXY", &*url), ("HTTPS_PROXY", &*url)];
        let caller = caller(&variables, vec![target("orders.internal:80")], protocol);
        caller.dns.set("orders.internal:80", instances(&[gone().await]));
        assert_eq!(caller.get().await.unwrap_err().outcome(), Outcome::ConnectRefused);
    }
    assert_eq!(proxy.accepted(), 0);
}

#[tokio::test]
async fn instances_of_a_service_are_each_behind_it_or_not() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ndirect").await;
    let proxy = proxy(origin.address).await;
    let url = format!("http://{}", proxy.address);
    let variables = proxies(&[("HTTP_PROXY", &url)]);
    let caller = Caller::proxied(variables, vec![target("discovery:///x")], |spec| {
        spec.policy = Policy::RoundRobin;
    });
    caller.dns.set("x", instances(&["192.0.2.1:80".parse().unwrap(), origin.address]));
    let mut answers = [caller.text().await, caller.text().await];
    answers.sort();
    assert!(answers[0].starts_with("0 GET http://192.0.2.1/path?query"), "{answers:?}");
    assert_eq!(answers[1], "direct");
}

/// The name of the proxy is watched as those of upstreams are, and each of its addresses is tried.
#[tokio::test]
async fn a_proxy_may_have_a_name_and_several_addresses() {
    let nobody = Origin::answering(OK).await;
    let proxy = proxy(nobody.address).await;
    let gone = Origin::answering(OK).await.address;
    let caller = caller(
        &[("HTTP_PROXY", "http://proxy.test:3128")],
        vec![target("orders.internal:80")],
        Protocol::Http,
    );
    let set = async { caller.dns.set("proxy.test:3128", instances(&[gone, proxy.address])) };
    let (answer, ()) = futures_util::future::join(caller.get(), set).await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert_eq!(caller.factory.watchers()[0].inspect()[0].service, "proxy.test:3128");
    caller.dns.set("proxy.test:3128", Vec::new());
    until(|| caller.factory.watchers()[0].inspect()[0].instances.as_deref().is_some_and(<[_]>::is_empty))
        .await;
    // The answer was not read, so that its connection serves no more.
    let error = caller.get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::DnsError, Progress::Unsent));
}

#[tokio::test]
async fn tls_is_spoken_with_the_upstream_through_a_tunnel() {
    let authority = Authority::new();
    for (http2, protocol, expect) in [
        (false, Protocol::Http, "HTTP/1.1 orders.internal"),
        (true, Protocol::Http, "HTTP/2.0 orders.internal"),
        (true, Protocol::Http2, "HTTP/2.0 orders.internal"),
        (true, Protocol::Grpc, "HTTP/2.0 orders.internal"),
    ] {
        let origin = serving(authority.server("orders.internal", http2)).await;
        let proxy = proxy(origin.address).await;
        let mut backend = target("orders.internal:8443");
        backend.tls = Some(ClientProfile::build(&authority.trusted()).unwrap());
        let url = format!("http://{}", proxy.address);
        let caller = caller(&[("HTTPS_PROXY", &url)], vec![backend], protocol);
        assert_eq!(caller.text().await, expect);
        assert_eq!(caller.text().await, expect);
        assert_eq!((proxy.accepted(), origin.accepted()), (1, 1), "one tunnel serves again");
    }
}

#[tokio::test]
async fn connect_names_the_upstream_and_says_who_asks() {
    let (proxy, heads) = answering("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nno!").await;
    let mut backend = target("orders.internal:443");
    backend.tls = Some(ClientProfile::build(&Authority::new().trusted()).unwrap());
    let url = format!("http://me:secret@{}", proxy.address);
    let caller = caller(&[("HTTPS_PROXY", &url)], vec![backend], Protocol::Http);
    let error = caller.get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectRefused, Progress::Unsent));
    let said = std::error::Error::source(&error).unwrap().to_string();
    let expect = format!(
        "the forward proxy http://{} answers CONNECT orders.internal:443 with 502 Bad Gateway",
        proxy.address
    );
    assert_eq!(said, expect);
    let heads = heads.lock();
    let [head] = &heads[..] else { panic!("{heads:?}") };
    assert!(head.starts_with("CONNECT orders.internal:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: orders.internal:443\r\n") && head.contains(CREDENTIALS), "{head}");
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
}

#[tokio::test]
async fn a_407_is_no_answer_of_the_upstream() {
    let (proxy, heads) = answering("HTTP/1.1 407 X\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://{}", proxy.address);
    let caller = caller(&[("HTTP_PROXY", &url)], vec![target("orders.internal:80")], Protocol::Http);
    let error = caller.get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectRefused, Progress::MaybeSent));
    let error = caller.send(asking("websocket")).await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectRefused, Progress::Unsent));
    assert!(heads.lock().iter().all(|head| !head.contains("proxy-authorization")));
    assert_eq!((caller.in_flight(), caller.connections().open), (0, 0));
}

#[tokio::test]
async fn a_proxy_that_is_down_or_talks_nonsense_is_a_connection_that_was_refused() {
    let url = format!("http://{}", gone().await);
    let down = caller(&[("HTTP_PROXY", &url)], vec![target("orders.internal:80")], Protocol::Http);
    let error = down.get().await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectRefused, Progress::Unsent));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains(&url), "{error:?}");
    let endless: &str = Box::leak("HTTP/1.1 100 x\r\n\r\n".repeat(17).into_boxed_str());
    for answer in ["nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nearly", endless] {
        let (proxy, _) = answering(answer).await;
        let url = format!("http://{}", proxy.address);
        let caller = caller(&[("HTTP_PROXY", &url)], vec![target("orders.internal:80")], Protocol::Http);
        let error = caller.send(asking("websocket")).await.unwrap_err();
        assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectRefused, Progress::Unsent));
    }
}

#[tokio::test]
async fn an_upgrade_over_plain_http_is_tunnelled() {
    let origin = super::upgrade::echo("websocket").await;
    let proxy = proxy(origin.address).await;
    let caller = plain(&proxy, "orders.internal:80");
    let response = caller.send(asking("websocket")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(origin.accepted(), 1);
    // Others go on in absolute form.
    assert!(text(caller.get().await.unwrap()).await.contains("GET http://orders.internal/path?query"));
}

/// The end of the connect timeout says what it waited for.
#[tokio::test]
async fn a_proxy_that_never_answers_is_named() {
    let (proxy, _) = answering("").await;
    let url = format!("http://me:secret@{}", proxy.address);
    let variables = proxies(&[("HTTP_PROXY", &url)]);
    let caller = Caller::proxied(variables, vec![target("orders.internal:80")], |spec| {
        spec.connect_timeout = std::time::Duration::from_millis(50);
    });
    let error = caller.send(asking("websocket")).await.unwrap_err();
    assert_eq!((error.outcome(), error.progress()), (Outcome::ConnectTimeout, Progress::Unsent));
    let expect = format!("no connection by way of the forward proxy http://{} within 50ms", proxy.address);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), expect);
    assert_eq!(caller.cluster.inspect().nodes[0].proxy_error, Some(expect));
}

/// What went wrong last is shown until the proxy leads to the upstream again.
#[tokio::test]
async fn what_is_wrong_with_a_proxy_is_shown_until_it_is_over() {
    let proxy = Origin::start(|mut wire, number| async move {
        while wire.head().await.is_some() {
            wire.send(match number {
                0 => "HTTP/1.1 407 X\r\ncontent-length: 0\r\n\r\n",
                1 => "HTTP/1.1 503 X\r\n\r\n",
                2 => "HTTP/1.1 204 X\r\n\r\n",
                _ => "HTTP/1.1 418 X\r\n\r\n",
            })
            .await;
        }
    })
    .await;
    let caller = plain(&proxy, "orders.internal:80");
    let shown = || caller.cluster.inspect().nodes[0].proxy_error.clone();
    assert_eq!(shown(), None);
    caller.get().await.unwrap_err();
    assert!(shown().unwrap().ends_with("it answers with 407"));
    caller.send(asking("websocket")).await.unwrap_err();
    assert!(shown().unwrap().ends_with("answers CONNECT orders.internal:80 with 503 Service Unavailable"));
    caller.get().await.unwrap();
    assert_eq!(shown(), None);
    caller.send(asking("websocket")).await.unwrap_err();
    let shown = shown().unwrap();
    assert!(shown.ends_with("with 418 I'm a teapot") && !shown.contains("secret"), "{shown}");
}

/// A proxy that is down says nothing of those behind it.
#[tokio::test]
async fn a_held_instance_does_not_leave_since_its_proxy_is_down() {
    let url = format!("http://{}", gone().await);
    let backend = target("discovery:///x");
    let caller = caller(&[("HTTP_PROXY", &url)], vec![backend], Protocol::Http);
    let mut held = instances(&["192.0.2.1:80".parse().unwrap()]);
    held[0].held = true;
    caller.dns.set("x", held);
    for _ in 0..2 {
        assert_eq!(caller.get().await.unwrap_err().outcome(), Outcome::ConnectRefused);
    }
    assert!(caller.cluster.inspect().nodes[0].held);
}

/// An address that one cluster reaches directly, by a name, is another's behind the proxy.
#[tokio::test]
async fn connections_are_never_shared_between_a_proxy_and_none() {
    let nobody = Origin::answering(OK).await;
    let proxy = proxy(nobody.address).await;
    let url = format!("http://{}", proxy.address);
    let variables = [("HTTP_PROXY", &*url), ("NO_PROXY", "direct.test")];
    let caller = caller(&variables, vec![target("192.0.2.1:80")], Protocol::Http);
    let direct = caller.cluster(vec![target("direct.test:80")]);
    caller.dns.set("direct.test:80", instances(&["192.0.2.1:80".parse().unwrap()]));
    until(|| direct.inspect().nodes.len() == 1).await;
    assert_eq!(caller.factory.upstreams(), 2);
}

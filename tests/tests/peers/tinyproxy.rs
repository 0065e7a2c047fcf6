//! Upstreams behind a real forward proxy.

use std::net::SocketAddr;
use std::process::Stdio;

use futures_util::{SinkExt as _, StreamExt as _};
use gateway_tests::{Authority, Caller, Format, Gateway, Origin, Script, WebSocketOrigin, open, within};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;

/// A name that no DNS has and the C library of the proxy takes for 127.0.0.1: who reaches it did not resolve it here.
const NAME: &str = "0x7f000001";

/// A running tinyproxy, which wants `me` and `secret`.
struct Tinyproxy {
    address: SocketAddr,
    _child: Child,
    _folder: TempDir,
}

impl Tinyproxy {
    /// `further` are lines of its configuration.
    async fn start(further: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // It takes no port 0.
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let path = folder.path().join("tinyproxy.conf");
        let port = address.port();
        let config = format!("Port {port}\nListen 127.0.0.1\nBasicAuth me secret\n{further}\n");
        std::fs::write(&path, config).expect("a file");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(path).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .expect("tinyproxy is there: `cargo xtask it` installs it from Debian");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        loop {
            let line = within("tinyproxy says that it serves", lines.next_line()).await.expect("readable");
            if line.expect("it runs").contains("Accepting connections") {
                break;
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { address, _child: child, _folder: folder }
    }

    /// A gateway with `user` for the proxy, and the keys of its only endpoint.
    async fn before(&self, user: &str, config: &str) -> Gateway {
        let url = format!("http://{user}{}", self.address);
        Gateway::start_with(config, Format::Toml, |command| {
            command.env("HTTP_PROXY", &url).env("HTTPS_PROXY", &url);
        })
        .await
    }
}

fn plain(port: u16) -> String {
    format!("[[endpoints]]\npath = \"/*\"\nbackends = [{{ target = \"{NAME}:{port}\" }}]\n")
}

#[tokio::test]
async fn plain_http_is_forwarded() {
    let (proxy, origin) = (Tinyproxy::start("").await, Origin::start("one", Script::Echo).await);
    let port = origin.address().port();
    let gateway = proxy.before("me:secret@", &plain(port)).await;
    let mut caller = Caller::http1(gateway.address()).await;
    for target in ["/path?q=1", "/again"] {
        let answer = caller.get(target).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let echo = answer.json();
        assert_eq!((&echo["origin"], &echo["target"]), (&"one".into(), &target.into()), "{echo}");
        // What the proxy makes of any Host, and what it keeps to itself.
        assert_eq!(answer.echoed("host"), [format!("{NAME}:{port}")]);
        assert!(answer.echoed("via").iter().any(|via| via.contains("tinyproxy")), "{echo}");
        assert!(answer.echoed("proxy-authorization").is_empty(), "{echo}");
    }
    let answer = caller.post("/upload", gateway_tests::full(vec![7; 100_000])).await;
    assert_eq!(answer.json()["body_bytes"], 100_000);
}

#[tokio::test]
async fn tls_is_tunnelled() {
    let authority = Authority::default();
    let identity = authority.identity(&["up.test"]);
    let (proxy, origin) =
        (Tinyproxy::start("").await, Origin::start_tls("one", Script::Echo, &identity).await);
    for (protocol, version) in [("HTTP", "HTTP/2.0"), ("GRPC", "HTTP/2.0")] {
        let config = format!(
            "[tls_store.up]\ncacert = '''\n{}'''\nserver_name = \"up.test\"\n[[endpoints]]\npath = \"/*\"\n\
             protocol = \"{}\"\nbackends = [{{ target = \"{NAME}:{}\", tls = true, tls_config_name = \"up\" }}]\n",
            authority.pem(),
            protocol.to_lowercase(),
            origin.address().port(),
        );
        let gateway = proxy.before("me:secret@", &config).await;
        let answer = Caller::http2(gateway.address()).await.get("/path").await;
        assert_eq!(answer.status, 200, "{answer:?} {}", gateway.log());
        assert_eq!(answer.json()["version"], version);
        assert!(answer.echoed("via").iter().all(|via| !via.contains("tinyproxy")));
    }
}

#[tokio::test]
async fn a_websocket_is_tunnelled() {
    let (proxy, origin) = (Tinyproxy::start("").await, WebSocketOrigin::start().await);
    let gateway = proxy.before("me:secret@", &plain(origin.address().port())).await;
    let mut socket = open(gateway.address(), "/ws").await.expect("it opens");
    socket.send(Message::text("hello")).await.expect("it is sent");
    let back = within("the message comes back", socket.next()).await.expect("open").expect("a message");
    assert_eq!(back, Message::text("hello"));
}

#[tokio::test]
async fn what_it_refuses_is_a_502_and_no_answer_of_the_upstream() {
    let (proxy, origin) =
        (Tinyproxy::start("ConnectPort 443").await, Origin::start("one", Script::Echo).await);
    // Without credentials, forwarded: 407.
    let gateway = proxy.before("", &plain(origin.address().port())).await;
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 502);
    // With them, tunnelled to a port that it lets nobody connect to: 403.
    let gateway = proxy.before("me:secret@", &plain(origin.address().port())).await;
    assert!(open(gateway.address(), "/ws").await.is_err());
    assert_eq!(origin.counts().requests, 0);
}

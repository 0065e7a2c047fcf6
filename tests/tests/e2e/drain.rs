//! Stop: what is under way is finished, nothing new is taken.

use futures_util::{SinkExt as _, StreamExt as _};
use gateway_tests::{
    CONNECT, Caller, Format, Gateway, Load, NEW, Origin, REUSED, Script, WebSocketOrigin, command, empty,
    open, table, within,
};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn sigterm_loses_no_request_in_flight() {
    let origin = Origin::start("one", Script::Held).await;
    let mut gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    let mut answers = tokio::task::JoinSet::new();
    for http2 in [false, true] {
        for _ in 0..8 {
            let address = gateway.address();
            answers.spawn(async move {
                let mut caller = match http2 {
                    false => Caller::http1(address).await,
                    true => Caller::http2(address).await,
                };
                caller.get("/held").await
            });
        }
    }
    origin.record().wait("all requests are in flight", |counts| counts.requests == 16).await;
    let admin = gateway.admin();
    gateway.signal("TERM");
    within("the gateway is no longer ready", async {
        while Caller::http1(admin).await.get("/readyz").await.status == 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for said in ["stopping", "waiting for what is in flight"] {
        let counted = |line: &str| line.contains(said) && line.contains("\"requests\":16,\"tunnels\":0");
        gateway.logged(said, counted).await;
    }
    origin.record().release();
    while let Some(answer) = within("the answers come", answers.join_next()).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    assert!(gateway.ended().await.success(), "{}", gateway.log());
    assert!(Caller::try_http1(gateway.address()).await.is_err(), "nobody listens");
}

/// Load goes on until the last moment. What the gateway took, it answered. Beyond that, a connection may be refused, or
/// reset if the kernel took it between the last accept and the close of the socket, and one that stood idle may be closed
/// just when its caller uses it again, which callers have to expect at any time (RFC 9112 §9.5); none reaches an origin.
#[tokio::test]
async fn sigterm_under_load_breaks_no_request() {
    let origin = Origin::start("one", Script::Echo).await;
    let mut gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    let load = Load::start(gateway.address(), 8, "/load");
    load.more(500).await;
    gateway.signal("TERM");
    let status = gateway.ended().await;
    let tally = load.stop().await;
    assert!(status.success(), "{}", gateway.log());
    let reset = |failure: &&String| failure.starts_with(NEW) && failure.contains("ConnectionReset");
    let expected =
        |failure: &&String| failure.starts_with(CONNECT) || failure.starts_with(REUSED) || reset(failure);
    let broken: Vec<_> = tally.failures.iter().filter(|failure| !expected(failure)).collect();
    assert!(broken.is_empty(), "{broken:?} beside {} answers", tally.ok);
    assert_eq!(origin.counts().requests, tally.ok, "{:?}", tally.failures);
}

#[tokio::test]
async fn sigint_ends_at_once_when_nothing_is_in_flight() {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    let mut idle = Caller::http1(gateway.address()).await;
    assert_eq!(idle.get("/").await.status, 200);
    assert_eq!(gateway.stop().await.code(), Some(0), "no code: a signal killed it");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let origin = Origin::start("one", Script::Held).await;
    let mut gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let request = caller.request("GET", "/held").body(empty()).unwrap();
    let asked = tokio::spawn(async move { caller.try_call(request).await });
    origin.record().wait("the request is in flight", |counts| counts.requests == 1).await;
    gateway.signal("INT");
    gateway.signal("TERM");
    assert!(!gateway.ended().await.success());
    assert!(within("the request ends", asked).await.unwrap().is_err());
}

#[tokio::test]
async fn a_websocket_is_told_that_the_gateway_goes() {
    let origin = WebSocketOrigin::start().await;
    let gateway = Gateway::start(&table("/ws", "", &[origin.address()]), Format::Toml).await;
    let mut socket = open(gateway.address(), "/ws").await.unwrap();
    socket.send(Message::text("here")).await.unwrap();
    assert_eq!(within("the echo", socket.next()).await.unwrap().unwrap(), Message::text("here"));
    gateway.signal("INT");
    let counted = |line: &str| line.contains("waiting for") && line.contains("\"requests\":0,\"tunnels\":1");
    gateway.logged("the tunnel is waited for", counted).await;
    let message = within("the close", socket.next()).await.unwrap().unwrap();
    let Message::Close(Some(frame)) = message else { panic!("{message:?}") };
    assert_eq!(u16::from(frame.code), 1001);
}

/// Whoever balances over gateways needs time to see that this one is no longer ready.
#[tokio::test]
async fn what_comes_during_the_drain_delay_is_served() {
    let origin = Origin::start("one", Script::Echo).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), table("/*", "", &[origin.address()])).unwrap();
    let mut command = command(&["-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-drain-delay", "1h"]);
    command.current_dir(folder.path());
    let mut gateway = Gateway::spawn(command);
    gateway.serving().await;
    let mut kept = Caller::http1(gateway.address()).await;
    assert_eq!(kept.get("/").await.status, 200);
    gateway.signal("TERM");
    let admin = gateway.admin();
    within("the gateway is no longer ready", async {
        while Caller::http1(admin).await.get("/readyz").await.status == 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..3 {
        assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 200);
        assert_eq!(kept.get("/").await.status, 200);
    }
    gateway.signal("TERM");
    assert!(!gateway.ended().await.success(), "a second signal waits for nothing");
}

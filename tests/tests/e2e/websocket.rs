//! WebSocket over HTTP/1.1.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use gateway_tests::{
    Caller, Format, Gateway, Origin, Script, Socket, WebSocketOrigin, empty, open, table, within,
};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

async fn behind(origin: SocketAddr) -> Gateway {
    Gateway::start(&table("/ws", "", &[origin]), Format::Toml).await
}

async fn exchange(socket: &mut Socket, message: Message) -> Message {
    socket.send(message).await.unwrap();
    within("the message comes back", socket.next()).await.unwrap().unwrap()
}

/// Whether or not the endpoint is said to be a stream.
#[tokio::test]
async fn messages_come_back_whatever_their_kind_and_size() {
    let origin = WebSocketOrigin::start().await;
    for keys in ["", "stream = true"] {
        let gateway = Gateway::start(&table("/ws", keys, &[origin.address()]), Format::Toml).await;
        let mut socket = open(gateway.address(), "/ws").await.unwrap();
        for message in [Message::text("hello"), Message::binary(vec![0, 255]), Message::text("")] {
            assert_eq!(exchange(&mut socket, message.clone()).await, message);
        }
        let ping = exchange(&mut socket, Message::Ping("p".into())).await;
        assert_eq!(ping, Message::Pong("p".into()));
        let ten_megabytes: Vec<u8> = (0..10_000_000).map(|at: u32| (at % 251) as u8).collect();
        let large = Message::binary(ten_megabytes);
        assert!(exchange(&mut socket, large.clone()).await == large, "10 MB came back changed");
    }
}

#[tokio::test]
async fn close_codes_and_reasons_pass() {
    let origin = WebSocketOrigin::start().await;
    let gateway = behind(origin.address()).await;
    for code in [1000, 1001, 1008, 1011, 3000, 4999] {
        let mut socket = open(gateway.address(), "/ws").await.unwrap();
        let frame = CloseFrame { code: CloseCode::from(code), reason: format!("because {code}").into() };
        socket.send(Message::Close(Some(frame.clone()))).await.unwrap();
        let answer = within("the close comes back", socket.next()).await.unwrap().unwrap();
        assert_eq!(answer, Message::Close(Some(frame)));
        assert!(within("the connection ends", socket.next()).await.is_none_or(|end| end.is_err()));
    }
    origin.record().wait("every tunnel ended", |counts| counts.open == 0).await;
}

#[tokio::test]
async fn a_client_that_vanishes_ends_the_tunnel() {
    let origin = WebSocketOrigin::start().await;
    let gateway = behind(origin.address()).await;
    let mut socket = open(gateway.address(), "/ws").await.unwrap();
    exchange(&mut socket, Message::text("here")).await;
    drop(socket);
    origin.record().wait("the tunnel ended", |counts| counts.connections == 1 && counts.open == 0).await;
}

#[tokio::test]
async fn an_upstream_that_refuses_is_heard() {
    let origin = Origin::start("one", Script::Status(403)).await;
    let gateway = behind(origin.address()).await;
    let refused = open(gateway.address(), "/ws").await.unwrap_err().to_string();
    assert!(refused.contains("403"), "{refused}");
}

/// Only WebSocket is let through: an upgrade to h2c would take the gateway out of the way.
#[tokio::test]
async fn other_upgrades_are_not_passed_on() {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = behind(origin.address()).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let request = caller
        .request("GET", "/ws")
        .header("connection", "upgrade, http2-settings")
        .header("upgrade", "h2c")
        .header("http2-settings", "AAMAAABkAAQAAP__");
    let answer = caller.call(request.body(empty()).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for name in ["upgrade", "http2-settings", "connection"] {
        assert_eq!(answer.echoed(name), Vec::<String>::new(), "{name}");
    }
}

/// The record of a tunnel says how it ended: by its own close, by the client's reset, or because nothing moved, which alone is
/// timed: `timeout` is over before.
#[tokio::test]
async fn the_access_log_tells_how_a_tunnel_ended() {
    let origin = WebSocketOrigin::start().await;
    let keys = "middlewares = [{ name = \"logging\" }]";
    let config = table("/ws", keys, &[origin.address()])
        + &table(
            "/idle",
            &format!("{keys}\ntimeout = \"1s\"\nidle_timeout = \"1200ms\""),
            &[origin.address()],
        );
    let mut gateway = Gateway::start(&config, Format::Toml).await;

    let mut socket = open(gateway.address(), "/ws").await.unwrap();
    exchange(&mut socket, Message::text("hello")).await;
    socket.close(None).await.unwrap();
    while within("the close comes back", socket.next()).await.is_some_and(|message| message.is_ok()) {}
    drop(socket);
    ended(&mut gateway, 1, "ok").await;

    let mut socket = open(gateway.address(), "/ws").await.unwrap();
    exchange(&mut socket, Message::text("hello")).await;
    socket.get_ref().set_zero_linger().unwrap();
    drop(socket);
    ended(&mut gateway, 2, "client_closed").await;

    let idle = open(gateway.address(), "/idle").await.unwrap();
    let line = ended(&mut gateway, 3, "idle_timeout").await;
    assert!(line["t.total"].as_f64() >= Some(1.2), "{line}");
    drop(idle);
}

async fn ended(gateway: &mut Gateway, count: usize, outcome: &str) -> serde_json::Value {
    let lines = within("the record", gateway.printed(|line| line.starts_with('{'), count)).await;
    let line: serde_json::Value = serde_json::from_str(&lines[count - 1]).unwrap();
    assert_eq!(line["gateway.outcome"], outcome, "{line}");
    assert_eq!(line["http.response.status_code"], 101);
    line
}

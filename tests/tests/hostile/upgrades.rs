//! Upgrades that are none: no raw byte passes before a 101 that was asked for, and no connection is left poisoned.

use gateway_tests::{Given, Then, find};

use crate::answers::reply;
use crate::bench::{Bench, SMUGGLED};

const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// Asks for another protocol and goes on as if it spoke it; the answer, and what stands behind that until the end.
async fn ask(bench: &Bench, lines: &str, then: &str) -> (Given, String) {
    let mut caller = bench.caller().await;
    caller.write(format!("GET /upgrade HTTP/1.1\r\nHost: gw.test\r\n{lines}\r\n{then}")).await;
    let given = caller.answer("GET").await.unwrap();
    (given, caller.rest().await.escape_ascii().to_string())
}

/// What follows is the next request, and this is none.
#[tokio::test]
async fn an_upstream_that_does_not_switch() {
    let bench = Bench::start().await;
    let extra = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(), 200),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{extra}"), 200),
        ("HTTP/1.1 426 x\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n".to_owned(), 426),
        // Not what was asked for.
        (format!("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n{extra}"), 502),
        (format!("HTTP/1.1 101 x\r\n\r\n{extra}"), 502),
    ] {
        bench.origin.reply("/upgrade", reply(&answer, Then::Stay));
        for lines in [WEBSOCKET, &WEBSOCKET.replace("Version: 13", "Version: 1")] {
            let (given, rest) = ask(&bench, lines, "\x01\x02raw\r\n\r\n").await;
            bench.count();
            assert_eq!(given.status, status, "{answer:?}: {given:?}");
            // The raw bytes are refused, or the connection ends; nobody gets what stood behind the answer.
            assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400 "), "{answer:?}: {rest}");
            assert!(!rest.contains("evil"), "{answer:?}: {rest}");
            let next = bench.passes("GET /next HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
            assert_eq!(next.target, "/next");
        }
    }
    bench.finish().await;
}

/// Protocols other than WebSocket are not passed on, so that nobody can answer 101 to them.
#[tokio::test]
async fn a_protocol_that_is_not_let_through() {
    let bench = Bench::start().await;
    let websocket = Some("websocket");
    for (lines, expect) in [
        ("Connection: Upgrade\r\nUpgrade: foo\r\n", None),
        ("Connection: Upgrade\r\nUpgrade: h2c\r\n", None),
        ("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n", websocket),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", websocket),
        ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", None),
        ("Upgrade: websocket\r\n", None),
    ] {
        let seen = bench.passes(format!("GET /upgrade HTTP/1.1\r\nHost: gw.test\r\n{lines}\r\n")).await;
        assert_eq!(find(&seen.fields, "upgrade"), expect, "{lines:?}");
        assert_eq!(find(&seen.fields, "connection"), expect.map(|_| "upgrade"), "{lines:?}");
    }
    bench.finish().await;
}

/// Its upstream would take what follows for a tunnel.
#[tokio::test]
async fn connect_is_refused() {
    let bench = Bench::start().await;
    for target in ["gw.test:443", "/", "*", "http://gw.test/"] {
        bench.refuses(format!("CONNECT {target} HTTP/1.1\r\nHost: gw.test\r\n\r\n"), &[400, 501]).await;
    }
    let body =
        format!("CONNECT gw.test:443 HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 5\r\n\r\n{SMUGGLED}");
    bench.refuses(body, &[501]).await;
    bench.finish().await;
}

/// A tunnel that was agreed on is one, and its connection serves nobody afterwards.
#[tokio::test]
async fn a_tunnel_is_not_used_again() {
    let bench = Bench::start().await;
    let switched = "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nraw";
    bench.origin.reply("/upgrade", reply(switched, Then::Close));
    let (given, rest) = ask(&bench, WEBSOCKET, "").await;
    bench.count();
    assert_eq!((given.status, rest.as_str()), (101, "raw"), "{given:?}");
    let next = bench.passes("GET /next HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    assert_eq!(next.connection, 1);
    bench.finish().await;
}

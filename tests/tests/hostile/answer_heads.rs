//! The heads of upstreams' answers.

use gateway_tests::Then;

use crate::answers::{Answers, Bad, Judges, Last, Passes, reply};
use crate::bench::HYPER;

#[tokio::test]
async fn status_lines() {
    let answers = Answers::start().await;
    // hyper reads over empty lines, and takes each LF for the end of one.
    for line in [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 99 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 000 OK",
        "HTTP/1.1 1000 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1 -200 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1200 OK",
        "HTTP/1.2 200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/2 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/01.1 200 OK",
        "http/1.1 200 OK",
        "HTTPS/1.1 200 OK",
        "ICY 200 OK",
        "200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1 200 O\0K",
        "HTTP/1.1 200 O\x7fK",
        "HTTP/1.1 200 O\rK",
    ] {
        answers.get(format!("{line}\r\nContent-Length: 0\r\n\r\n"), Bad).await;
    }
    for line in
        ["\r\nHTTP/1.1 200 OK", "\nHTTP/1.1 200 OK", "HTTP/1.1 200 OK\nX: y", "HTTP/1.1 200 OK\r\nX: y\nZ: a"]
    {
        let answer = format!("{line}\r\nContent-Length: 0\r\n\r\n");
        answers.get_but(answer, Bad, Judges(Passes(200, ""))).await;
    }
    for (line, status) in [
        ("HTTP/1.1 200", 200),
        ("HTTP/1.1 200 ", 200),
        ("HTTP/1.1 200 \u{e9}t\u{e9}", 200),
        ("HTTP/1.1 299 Made up", 299),
        ("HTTP/1.1 999 Made up", 999),
    ] {
        answers.get(format!("{line}\r\nContent-Length: 0\r\n\r\n"), Passes(status, "")).await;
    }
    answers.finish().await;
}

#[tokio::test]
async fn what_is_no_http1() {
    let answers = Answers::start().await;
    for bytes in [
        // HTTP/0.9 has no head; HTTP/2 begins with SETTINGS; TLS with an alert, or a hello.
        &b"<html>hello</html>\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff",
        b"\x15\x03\x03\0\x02\x02\x46",
        b"\x16\x03\x03\0\x7a\x02\0\0\x76\x03\x03",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"220 mail.test ESMTP\r\n",
        b"GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n",
        b"\0",
        b"\xff\xfe",
    ] {
        answers.get(bytes, Bad).await;
    }
    answers.finish().await;
}

#[tokio::test]
async fn fields() {
    let answers = Answers::start().await;
    for line in [
        "X: a\rX-Evil: b",
        "X: a\r b",
        "X: a\0b",
        "X: a\x0bb",
        "X: a\x7f",
        "X : a",
        "X\t: a",
        " X: a",
        "X: a\r\n b",
        "X: a\r\n\tb",
        "X",
        ": a",
        "X Y: a",
        "X(Y): a",
        "X\0: a",
        "X\u{e9}: a",
    ] {
        answers.get(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{line}\r\n\r\n"), Bad).await;
    }
    for answer in [
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok",
    ] {
        answers.get_but(answer, Bad, Judges(Passes(200, "ok"))).await;
    }
    answers
        .get(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: \xff\t\r\nX_Y: a\r\n\r\nok", Passes(200, "ok"))
        .await;
    // What it says of its own connection goes no further.
    let own = "Connection: keep-alive, X-Secret\r\nX-Secret: a\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n";
    answers.get(format!("HTTP/1.1 200 OK\r\n{own}Content-Length: 2\r\n\r\nok"), Passes(200, "ok")).await;
    answers.finish().await;
}

#[tokio::test]
async fn bombs() {
    let answers = Answers::start().await;
    let huge = "a".repeat(128 << 10);
    let crowd: String = (0..5000).map(|n| format!("X-{n}: a\r\n")).collect();
    answers.get(format!("HTTP/1.1 200 OK\r\nX: {huge}\r\nContent-Length: 0\r\n\r\n"), Bad).await;
    answers.get(format!("HTTP/1.1 200 OK\r\n{huge}: a\r\nContent-Length: 0\r\n\r\n"), Bad).await;
    answers.get(format!("HTTP/1.1 200 {huge}\r\nContent-Length: 0\r\n\r\n"), Bad).await;
    answers.get(format!("HTTP/1.1 200 OK\r\n{crowd}Content-Length: 0\r\n\r\n"), Bad).await;
    answers.get(format!("HTTP/1.1 200 OK\r\nX: {huge}"), Bad).await;
    answers.finish().await;
}

#[tokio::test]
async fn interim_answers() {
    let answers = Answers::start().await;
    let (last, interim) =
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 103 x\r\nX-Evil: a\r\n\r\n");
    answers.get(format!("HTTP/1.1 100 Continue\r\n\r\n{last}"), Passes(200, "ok")).await;
    answers.get(format!("{}{last}", interim.repeat(16)), Passes(200, "ok")).await;
    // hyper reads them for ever.
    for count in [17, 5000] {
        answers.get_but(format!("{}{last}", interim.repeat(count)), Bad, Judges(Passes(200, "ok"))).await;
    }
    // What follows such a head would be anybody's guess.
    let inner = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let body = format!("HTTP/1.1 100 x\r\nContent-Length: 42\r\n\r\n{inner}{last}");
    answers.get_but(body, Bad, Judges(Last(200, "evil"))).await;
    answers.get(format!("HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{last}"), Bad).await;
    // Nobody asked for another protocol.
    answers.get("HTTP/1.1 101 Switching Protocols\r\n\r\n", Bad).await;
    answers
        .get(format!("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n{last}"), Bad)
        .await;
    answers.get(format!("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n{last}"), Bad).await;
    answers.finish().await;
}

#[tokio::test]
async fn heads_that_are_cut() {
    let answers = Answers::start().await;
    let mut first = true;
    for bytes in [
        "H",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Len",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2",
    ] {
        for then in [Then::Close, Then::Reset] {
            answers.judge("GET", "", reply(bytes, then), Bad).await;
            // To hyper it looks like a connection that was old; the first one was new.
            if HYPER && !std::mem::take(&mut first) {
                answers.bench.count();
            }
        }
    }
    answers.finish().await;
}

#[tokio::test]
async fn no_answer_at_all() {
    let answers = Answers::start().await;
    answers.closing("", Bad).await;
    for _ in 0..2 {
        // Over a connection that has served before, that may only mean that it was old: a new one is tried.
        answers.bench.count();
        answers.closing("", Bad).await;
        answers.bench.count();
        answers.resetting("", Bad).await;
    }
    answers.finish().await;
}

#[tokio::test]
async fn versions_and_persistence() {
    let answers = Answers::start().await;
    for (head, verdict) in [
        ("HTTP/1.1 200 OK\r\n", Passes(200, "ok")),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n", Last(200, "ok")),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive, CLOSE\r\n", Last(200, "ok")),
        ("HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: close\r\n", Last(200, "ok")),
        ("HTTP/1.0 200 OK\r\n", Last(200, "ok")),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", Passes(200, "ok")),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n", Last(200, "ok")),
    ] {
        answers.get(format!("{head}Content-Length: 2\r\n\r\nok"), verdict).await;
    }
    answers.finish().await;
}

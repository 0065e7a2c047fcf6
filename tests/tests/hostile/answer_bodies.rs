//! The bodies of upstreams' answers, what delimits them, and what comes behind them.

use gateway_tests::{Fault, Then, find};

use crate::answers::{Answers, Bad, Cut, Judges, Last, Passes, Waits, reply};
use crate::bench::Bench;

const OK: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn lengths() {
    let answers = Answers::start().await;
    for length in [
        "5\r\nContent-Length: 6",
        "5, 9",
        "+5",
        "-5",
        "0x5",
        "5a",
        "5;",
        "5.0",
        "5 5",
        "",
        ",",
        "5,",
        "18446744073709551616",
        "18446744073709551621",
        "\u{0665}",
    ] {
        answers.get(format!("{OK}Content-Length: {length}\r\n\r\nhello"), Bad).await;
    }
    for length in ["5", "005", "5\r\nContent-Length: 5", "5, 5", "5,5\r\nContent-Length: 5"] {
        let answer = format!("{OK}Content-Length: {length}\r\n\r\nhello");
        answers.get(answer, Passes(200, "hello")).await;
    }
    answers.finish().await;
}

#[tokio::test]
async fn codings() {
    let answers = Answers::start().await;
    for coding in [
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: identity",
        "identity",
        "xchunked",
        "chunkedx",
        "\"chunked\"",
        "chunked;q=1",
        ",chunked",
        "chunked,",
        "\x0bchunked",
        "chun\0ked",
        "",
    ] {
        let body = "5\r\nhello\r\n0\r\n\r\n";
        answers.get(format!("{OK}Transfer-Encoding: {coding}\r\n\r\n{body}"), Bad).await;
        answers.get(format!("{OK}Transfer-Encoding: {coding}\r\nContent-Length: 5\r\n\r\nhello"), Bad).await;
    }
    answers.get(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\xa0\r\n\r\n0\r\n\r\n", Bad).await;
    answers.get("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Bad).await;
    for coding in ["chunked", "Chunked", "\tchunked "] {
        let answer = format!("{OK}Transfer-Encoding: {coding}\r\n\r\n5;a=b\r\nhello\r\n000\r\n\r\n");
        answers.get(answer, Passes(200, "hello")).await;
    }
    // Chunks win, the length goes, and so does the connection (RFC 9112 §6.3); hyper keeps that.
    for fields in [
        "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
    ] {
        let answer = format!("{OK}{fields}\r\n5\r\nhello\r\n0\r\n\r\n");
        answers.get_but(answer, Last(200, "hello"), Judges(Passes(200, "hello"))).await;
    }
    answers.finish().await;
}

#[tokio::test]
async fn chunks() {
    let answers = Answers::start().await;
    for size in ["0x5", "+5", "-5", "5zz", "5_0", "g", "", " 5", "5.0", "fffffffffffffffff"] {
        answers.get(format!("{CHUNKED}{size}\r\nhello\r\n0\r\n\r\n"), Cut("")).await;
    }
    for line in ["5\n", "5\rX", "5\r\r\n", "5;a\n", "5;a\rb\r\n", "\r\n5\r\n"] {
        answers.get(format!("{CHUNKED}{line}hello\r\n0\r\n\r\n"), Cut("")).await;
    }
    for rest in [
        "XX0\r\n\r\n",
        "X\n0\r\n\r\n",
        "\rX0\r\n\r\n",
        "0\r\n\r\n",
        "\n0\r\n\r\n",
        "\r0\r\n\r\n",
        "\r\r\n0\r\n\r\n",
        " \r\n0\r\n\r\n",
        "\r\n0\n\r\n",
        "\r\n0\n\n",
        "\r\n-0\r\n\r\n",
        "\r\n0\r\r\n\r\n",
        "\r\n0\r\nX : a\r\n\r\n",
        "\r\n0\r\n X: a\r\n\r\n",
        "\r\n0\r\nX\r\n\r\n",
        "\r\n0\r\nX: a\0\r\n\r\n",
        "\r\n0\r\nX: a\r\n b\r\n\r\n",
        "\r\n0\r\nX: a\rY: b\r\n\r\n",
    ] {
        answers.get(format!("{CHUNKED}5\r\nhello{rest}"), Cut("hello")).await;
    }
    // To hyper it does not matter what stands beside a size, nor how many zeros.
    for line in ["5 ", "5\t", "00000000000000005", "5;a\0"] {
        let answer = format!("{CHUNKED}{line}\r\nhello\r\n0\r\n\r\n");
        answers.get_but(answer, Cut(""), Judges(Passes(200, "hello"))).await;
    }
    // It takes a bare LF for a part of a trailer, and waits for its end.
    for rest in ["\r\n0\r\n\n", "\r\n0\r\nX: a\n\r\n"] {
        answers.get_but(format!("{CHUNKED}5\r\nhello{rest}"), Cut("hello"), Waits("hello")).await;
    }
    answers.get(format!("{CHUNKED}4\r\nhello\r\n0\r\n\r\n"), Cut("hell")).await;
    answers.get(format!("{CHUNKED}6\r\nhello\r\n0\r\n\r\n"), Cut("hello\r")).await;
    answers.finish().await;
}

#[tokio::test]
async fn bombs() {
    let answers = Answers::start().await;
    let long = "a".repeat(64 << 10);
    let crowd: String = (0..1000).map(|n| format!("X-{n}: a\r\n")).collect();
    answers.get(format!("{CHUNKED}5;{long}\r\nhello\r\n0\r\n\r\n"), Cut("")).await;
    answers.get(format!("{CHUNKED}5\r\nhello\r\n0\r\nX: {long}\r\n\r\n"), Cut("hello")).await;
    answers.get(format!("{CHUNKED}5\r\nhello\r\n0\r\n{crowd}\r\n"), Cut("hello")).await;
    // What may be a bomb for whoever unpacks it passes as it is.
    let packed = format!("{OK}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x08bmb");
    let given = answers.get(packed, Passes(200, "\x1f\x08bmb")).await.unwrap();
    assert_eq!(find(&given.fields, "content-encoding"), Some("gzip"));
    answers.finish().await;
}

#[tokio::test]
async fn bodies_that_are_cut() {
    let answers = Answers::start().await;
    let head = format!("{OK}Content-Length: 9\r\n\r\n");
    for (answer, body) in [
        (head.clone(), ""),
        (format!("{head}hello"), "hello"),
        (CHUNKED.to_owned(), ""),
        (format!("{CHUNKED}5"), ""),
        (format!("{CHUNKED}5\r"), ""),
        (format!("{CHUNKED}5\r\n"), ""),
        (format!("{CHUNKED}5\r\nhel"), "hel"),
        (format!("{CHUNKED}5\r\nhello"), "hello"),
        (format!("{CHUNKED}5\r\nhello\r"), "hello"),
        (format!("{CHUNKED}5\r\nhello\r\n"), "hello"),
        (format!("{CHUNKED}5\r\nhello\r\n0"), "hello"),
        (format!("{CHUNKED}5\r\nhello\r\n0\r\n"), "hello"),
        (format!("{CHUNKED}5\r\nhello\r\n0\r\n\r"), "hello"),
        (format!("{CHUNKED}5\r\nhello\r\n0\r\nX: a\r\n"), "hello"),
        (format!("{CHUNKED}ffffffffffffffff\r\nhello"), "hello"),
    ] {
        answers.closing(&answer, Cut(body)).await;
        answers.resetting(&answer, Cut(body)).await;
    }
    // The end of the connection is the end of the body, unless it breaks.
    answers.closing(format!("{OK}\r\nhello"), Last(200, "hello")).await;
    answers.closing("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello", Last(200, "hello")).await;
    answers.resetting(format!("{OK}\r\nhello"), Cut("hello")).await;
    answers.finish().await;
}

/// To a client of HTTP/1.0 the end of the connection is the end of the body: a body that was cut ends in a reset.
#[tokio::test]
async fn a_cut_body_towards_http10() {
    let bench = Bench::start().await;
    for (then, fault) in [(Then::Stay, None), (Then::Close, Some(Fault::Reset))] {
        let end = if then == Then::Stay { "0\r\n\r\n" } else { "" };
        bench.origin.reply("/old", reply(format!("{CHUNKED}5\r\nhello\r\n{end}"), then));
        bench.count();
        let mut caller = bench.caller().await;
        caller.write("GET /old HTTP/1.0\r\nHost: gw.test\r\n\r\n").await;
        let given = caller.answer("GET").await.unwrap();
        assert_eq!((given.body.as_str(), given.fault), ("hello", fault));
    }
    bench.finish().await;
}

#[tokio::test]
async fn answers_without_a_body() {
    let answers = Answers::start().await;
    for (bytes, verdict) in [
        ("HTTP/1.1 204 x\r\n\r\n", Passes(204, "")),
        ("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", Passes(204, "")),
        ("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\nhello", Last(204, "")),
        ("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Last(204, "")),
        ("HTTP/1.1 204 x\r\n\r\nhello", Last(204, "")),
        ("HTTP/1.1 304 x\r\n\r\n", Passes(304, "")),
        ("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", Passes(304, "")),
        ("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\nhello", Last(304, "")),
        ("HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Last(304, "")),
        ("HTTP/1.1 205 x\r\nContent-Length: 0\r\n\r\n", Passes(205, "")),
    ] {
        answers.get(bytes, verdict).await;
    }
    // Whoever sends these may believe in a body that is yet to come; hyper does not.
    for field in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let answer = format!("HTTP/1.1 204 x\r\n{field}\r\n\r\n");
        answers.get_but(answer, Last(204, ""), Judges(Passes(204, ""))).await;
    }
    for (bytes, verdict) in [
        ("HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\n", Passes(200, "")),
        ("HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n", Passes(200, "")),
        ("HTTP/1.1 200 x\r\n\r\n", Passes(200, "")),
        ("HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\nhello", Last(200, "")),
        ("HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Last(200, "")),
        ("HTTP/1.1 200 x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", Bad),
        ("HTTP/1.1 200 x\r\nContent-Length: x\r\n\r\n", Bad),
        ("HTTP/1.1 200 x\r\nTransfer-Encoding: gzip\r\n\r\n", Bad),
    ] {
        answers.judge("HEAD", "", reply(bytes, Then::Stay), verdict).await;
    }
    answers.finish().await;
}

/// What a client gets is its own answer, and never what was left over from another one's.
#[tokio::test]
async fn what_comes_behind_an_answer_is_nobodys() {
    let answers = Answers::start().await;
    for extra in [
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "\r\n",
        "x",
        "\0",
    ] {
        answers.get(format!("{OK}Content-Length: 5\r\n\r\nhello{extra}"), Last(200, "hello")).await;
        answers.get(format!("{OK}Content-Length: 0\r\n\r\n{extra}"), Last(200, "")).await;
        answers.get(format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n{extra}"), Last(200, "hello")).await;
        answers.get(format!("{CHUNKED}5\r\nhello\r\n0\r\nX: a\r\n\r\n{extra}"), Last(200, "hello")).await;
        answers.get(format!("HTTP/1.1 304 x\r\n\r\n{extra}"), Last(304, "")).await;
    }
    answers.finish().await;
}

/// Whoever merges trailers into the head would take these for the answer's own.
#[tokio::test]
async fn trailers_that_belong_into_the_head_are_dropped() {
    let answers = Answers::start().await;
    let section = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\nConnection: close\r\n\
                   Content-Type: text/html\r\nX-Sum: 7\r\n";
    let given = answers
        .judge(
            "GET",
            "TE: trailers\r\nConnection: te\r\n",
            // hyper's half writes only the trailers that are announced.
            reply(
                format!("{OK}Trailer: X-Sum, Set-Cookie\r\n{}", &CHUNKED[OK.len()..])
                    + "5\r\nhello\r\n0\r\n"
                    + section
                    + "\r\n",
                Then::Stay,
            ),
            Passes(200, "hello"),
        )
        .await;
    let sum = ("x-sum".to_owned(), "7".to_owned());
    assert_eq!(given.unwrap().trailers, [sum]);
    answers.finish().await;
}

//! Bodies stream: whatever their size, the gateway holds a bounded part of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway_tests::{
    Caller, Format, Gateway, Origin, Pattern, RawCaller, RawOrigin, Script, Step, chunks, empty, settled,
    table, within,
};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// 1 GiB.
const HUGE: u64 = 1 << 30;
/// How much a gateway's memory may grow meanwhile, MiB.
const GROWTH: u64 = 32;

/// The first request is only echoed: what a gateway allocates once is not growth.
async fn warm(big: Script) -> (Origin, Gateway) {
    let each = move |number| if number == 0 { Script::Echo } else { big.clone() };
    let origin = Origin::start("one", Script::Each(Arc::new(each))).await;
    let gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 200);
    (origin, gateway)
}

async fn bounded(big: Script, transfer: impl AsyncFnOnce(&Gateway)) {
    let (_origin, gateway) = warm(big).await;
    let before = gateway.usage();
    transfer(&gateway).await;
    let grown = before.growth(gateway.usage());
    assert!(grown < GROWTH, "grew by {grown} MiB");
}

/// Reads a body that has to be the pattern.
async fn drain_pattern(mut body: hyper::body::Incoming) -> u64 {
    let mut pattern = Pattern::default();
    while let Some(frame) = within("the body goes on", body.frame()).await {
        pattern.take(frame.unwrap().data_ref().unwrap());
    }
    pattern.len()
}

async fn caller(gateway: &Gateway, http2: bool) -> Caller {
    match http2 {
        false => Caller::http1(gateway.address()).await,
        true => Caller::http2(gateway.address()).await,
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_gigabyte_comes_down() {
    for http2 in [false, true] {
        bounded(Script::Download(HUGE), async |gateway: &Gateway| {
            let mut caller = caller(gateway, http2).await;
            let request = caller.request("GET", "/").body(empty()).unwrap();
            let response = caller.send(request).await.unwrap();
            assert_eq!(drain_pattern(response.into_body()).await, HUGE);
        })
        .await;
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_gigabyte_goes_up() {
    for http2 in [false, true] {
        bounded(Script::Upload, async |gateway: &Gateway| {
            let mut caller = caller(gateway, http2).await;
            let request = caller.request("POST", "/").body(Pattern::body(HUGE)).unwrap();
            let response = within("the upload ends", caller.send(request)).await.unwrap();
            let answer = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(answer, HUGE.to_string());
        })
        .await;
    }
}

/// The caller reads no more: what is under way fills the sockets' buffers, and then the origin stands still.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_slow_reader_stops_the_origin_and_loses_nothing() {
    let (origin, gateway) = warm(Script::Download(HUGE)).await;
    let before = (gateway.usage(), origin.counts().sent);
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let sent = settled(HUGE / 2, || origin.counts().sent - before.1).await;
    assert!(sent < HUGE / 8, "the origin went on to {sent} bytes");
    let grown = before.0.growth(gateway.usage());
    assert!(grown < GROWTH, "grew by {grown} MiB");
    let mut pattern = Pattern::default();
    for _ in 0..64 {
        pattern.take(&raw.read_exact(1 << 20).await);
    }
    assert_eq!(pattern.len(), 64 << 20);
}

/// Each chunk arrives before the next is written, so nothing waits for more, whether or not the endpoint is said to be
/// a stream.
#[tokio::test]
async fn chunks_pass_at_once_both_ways() {
    for keys in ["", "stream = true"] {
        chunks_pass(keys).await;
    }
}

async fn chunks_pass(keys: &str) {
    let origin = Origin::start("one", Script::Stream).await;
    let gateway = Gateway::start(&table("/*", keys, &[origin.address()]), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let request = caller.request("GET", "/").body(empty()).unwrap();
    let (response, mut upstream) = tokio::join!(caller.send(request), origin.stream());
    let mut body = response.unwrap().into_body();
    for n in 0..10 {
        let event = format!("data: {n}\n\n");
        upstream.send(event.clone()).await.unwrap();
        let frame = within("the event", body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), event);
    }

    let mirror = Origin::start("mirror", Script::Mirror).await;
    let gateway = Gateway::start(&table("/*", keys, &[mirror.address()]), Format::Toml).await;
    for http2 in [false, true] {
        let mut caller = self::caller(&gateway, http2).await;
        let (mut up, body) = chunks();
        let request = caller.request("POST", "/").body(body).unwrap();
        up.send("first").await.unwrap();
        let mut down = within("an early answer", caller.send(request)).await.unwrap().into_body();
        for n in ["first", "second", "third"] {
            if n != "first" {
                up.send(n).await.unwrap();
            }
            let frame = within("the chunk", down.frame()).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), n);
        }
    }
}

const LONG: usize = 20 << 20;

/// An upstream that answers once, before it has read the request's body, with as many bytes; it reads on whether or not
/// its answer is taken. Counts what it has sent, and yields what it read.
async fn answers_early() -> (SocketAddr, Arc<AtomicU64>, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, sent) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&sent);
    let serve = async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            read.read_line(&mut line).await.unwrap();
        }
        tokio::spawn(async move {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LONG}\r\n\r\n");
            write.write_all(head.as_bytes()).await.unwrap();
            for piece in long().chunks(1 << 16) {
                write.write_all(piece).await.unwrap();
                count.fetch_add(piece.len() as u64, Ordering::Relaxed);
            }
        });
        let mut body = vec![0; LONG];
        read.read_exact(&mut body).await.unwrap();
        body
    };
    (address, sent, tokio::spawn(serve))
}

fn long() -> Vec<u8> {
    (0..LONG).map(|at| (at % 251) as u8).collect()
}

/// A caller may send all of its request before it reads any of an answer that has begun long before.
#[tokio::test]
async fn an_upload_goes_on_while_nobody_reads_its_answer() {
    let (address, sent, received) = answers_early().await;
    let gateway = Gateway::start(&table("/*", "", &[address]), Format::Toml).await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LONG}\r\n\r\n")).await;
    // Until all of the buffers on the way back are full.
    settled(LONG as u64, || sent.load(Ordering::Relaxed)).await;
    raw.write(long()).await;
    assert!(within("the upload ends", received).await.unwrap() == long());
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(raw.read_exact(LONG).await == long());
}

/// The upstream has not read the request's body, and will not: nor can another request come after it.
#[tokio::test]
async fn a_caller_whose_upload_is_refused_hears_that_the_connection_closes() {
    let refusal = Step::Write(b"HTTP/1.1 413 x\r\ncontent-length: 2\r\n\r\nno".to_vec());
    let origin = RawOrigin::start(&[Step::Head, refusal, Step::Wait]).await;
    let gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab").await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 413") && head.contains("connection: close\r\n"), "{head}");
    assert_eq!(raw.read_to_end().await, "no");
}

/// A caller that goes away is noticed upstream, before an answer and within one.
#[tokio::test]
async fn a_caller_that_goes_away_cancels_the_upstream() {
    let held = Origin::start("held", Script::Held).await;
    let gateway = Gateway::start(&table("/*", "", &[held.address()]), Format::Toml).await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    held.record().wait("the request arrived", |counts| counts.requests == 1).await;
    raw.reset();
    held.record().wait("the request was cancelled", |counts| counts.cancelled == 1).await;

    let (origin, gateway) = warm(Script::Download(HUGE)).await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_head().await;
    drop(raw);
    origin.record().wait("the download was broken off", |counts| counts.broken == 1).await;
}

//! Floods and bombs over HTTP/2: the one who sends them is cut or slowed down, and the others are served.

use gateway_tests::frames::{END_HEADERS, END_STREAM, Flood, Frame, Frames, block, kind};
use gateway_tests::{Reply, StrictCaller, Then};

use crate::bench::Bench;
use crate::http2::{Ended, ended};

/// How much the gateway's memory may grow, MiB.
const GROWTH: u64 = 32;

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/flood"), (":authority", "gw.test")];

/// So much of a flood is written at a time.
const PART: u32 = 200;

/// The answer that is as large as the upstream likes.
const LARGE: usize = 1 << 20;

struct Siege {
    bench: Bench,
    caller: StrictCaller,
    frames: Frames,
    before: gateway_tests::Usage,
}

impl Siege {
    async fn start() -> Self {
        let bench = Bench::start().await;
        let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").into_bytes();
        bytes.resize(bytes.len() + LARGE, b'x');
        bench.origin.reply("/large", Reply { bytes, then: Then::Stay, early: false });
        let (mut caller, frames) = (bench.caller().await, Frames::connect(bench.gateway.address()).await);
        served(&mut caller).await;
        let before = bench.gateway.usage();
        Self { bench, caller, frames, before }
    }

    /// Writes this `times`, the others being served meanwhile, or less if that is no longer taken.
    async fn flood(&mut self, times: u32, bytes: impl Fn(u32) -> Vec<u8>) {
        // A part at a time, so that it goes on while others are served.
        for part in 0..times.div_ceil(PART) {
            let part: Vec<u8> = (part * PART..times.min(part * PART + PART)).flat_map(&bytes).collect();
            let caller = &mut self.caller;
            let (flood, ()) = tokio::join!(self.frames.flood(&part), served(caller));
            if flood != Flood::Taken {
                break;
            }
        }
    }

    /// The connection ends, after a word of why.
    async fn is_cut(&mut self) {
        let mut told = false;
        while let Some(frame) = self.frames.next().await {
            told |= frame.kind == kind::GOAWAY;
        }
        assert!(told);
    }

    /// Nobody else noticed; how many requests of the flood the upstream saw.
    async fn end(mut self) -> usize {
        served(&mut self.caller).await;
        let grown = self.before.growth(self.bench.gateway.usage());
        assert!(grown < GROWTH, "grew by {grown} MiB");
        drop(self.frames);
        let seen = self.bench.stopped().await;
        seen.iter().filter(|seen| seen.target == "/flood").count()
    }
}

async fn served(caller: &mut StrictCaller) {
    caller.write("GET /other HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    let given = caller.answer("GET").await.unwrap();
    assert_eq!((given.status, given.body.as_str()), (200, "GET /other"), "{given:?}");
}

fn stream(number: u32) -> u32 {
    2 * number + 1
}

fn headers(flags: u8, number: u32) -> Vec<u8> {
    Frame::bytes(kind::HEADERS, flags, stream(number), &block(&GET))
}

/// What is asked for and given up at once costs the upstream next to nothing (CVE-2023-44487).
#[tokio::test]
async fn rapid_reset() {
    let mut siege = Siege::start().await;
    let cancel = 8_u32.to_be_bytes();
    siege
        .flood(5000, |number| {
            let reset = Frame::bytes(kind::RST_STREAM, 0, stream(number), &cancel);
            [headers(END_HEADERS | END_STREAM, number), reset].concat()
        })
        .await;
    siege.is_cut().await;
    let asked = siege.end().await;
    assert!(asked < 1000, "{asked} requests");
}

/// The same by frames that have the gateway reset its streams itself (CVE-2025-8671).
#[tokio::test]
async fn made_you_reset() {
    for number in 0..5 {
        let spoil = move |stream: u32| match number {
            0 => Frame::bytes(kind::WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes()),
            1 => Frame::bytes(kind::WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes()),
            2 => Frame::bytes(kind::PRIORITY, 0, stream, &[&stream.to_be_bytes()[..], b"\0"].concat()),
            3 => Frame::bytes(kind::PRIORITY, 0, stream, b"\0\0\0\0"),
            _ => Frame::bytes(kind::DATA, END_STREAM, stream, b"x"),
        };
        let mut siege = Siege::start().await;
        siege
            .flood(5000, |number| [headers(END_HEADERS | END_STREAM, number), spoil(stream(number))].concat())
            .await;
        siege.is_cut().await;
        let asked = siege.end().await;
        assert!(asked < 2500, "{number}: {asked} requests");
    }
}

/// A field block without end (CVE-2024-27316).
#[tokio::test]
async fn continuations() {
    for (times, payload) in [(4000, vec![b'a'; 16 << 10]), (100_000, Vec::new())] {
        let mut siege = Siege::start().await;
        siege.frames.write(&headers(END_STREAM, 0)).await;
        siege.flood(times, |_| Frame::bytes(kind::CONTINUATION, 0, 1, &payload)).await;
        siege.is_cut().await;
        assert_eq!(siege.end().await, 0);
    }
}

/// What has to be answered, by a client that reads nothing (CVE-2019-9512, 9515), and what costs only reading
/// (CVE-2019-9513, 9518).
#[tokio::test]
async fn frames_without_end() {
    let settings = [&3_u16.to_be_bytes()[..], &100_u32.to_be_bytes()].concat();
    for (kind, flags, stream, payload) in [
        (kind::PING, 0, 0, b"12345678".to_vec()),
        (kind::SETTINGS, 0, 0, Vec::new()),
        (kind::SETTINGS, 0, 0, settings.repeat(100)),
        (kind::PRIORITY, 0, 1, b"\0\0\0\x03\0".to_vec()),
        (kind::DATA, 0, 1, Vec::new()),
        (kind::WINDOW_UPDATE, 0, 0, 1_u32.to_be_bytes().to_vec()),
        // Nobody knows what it means.
        (0x42, 0, 0, vec![0; 1000]),
    ] {
        let mut siege = Siege::start().await;
        let post = block(&[(":method", "POST"), GET[1], (":path", "/held"), GET[3]]);
        siege.frames.send(kind::HEADERS, END_HEADERS, 1, &post).await;
        siege.flood(10_000, |_| Frame::bytes(kind, flags, stream, &payload)).await;
        siege.end().await;
    }
}

/// Answers that are asked for and not taken stay with the upstream (CVE-2019-9517).
#[tokio::test]
async fn windows_that_stay_shut() {
    let mut siege = Siege::start().await;
    let shut = [&4_u16.to_be_bytes()[..], &0_u32.to_be_bytes()].concat();
    siege.frames.send(kind::SETTINGS, 0, 0, &shut).await;
    let large = block(&[GET[0], GET[1], (":path", "/large"), GET[3]]);
    siege
        .flood(200, |number| Frame::bytes(kind::HEADERS, END_HEADERS | END_STREAM, stream(number), &large))
        .await;
    siege.end().await;
}

/// Few bytes that stand for many (CVE-2026-105297).
#[tokio::test]
async fn references_to_the_table() {
    for (value, references) in [(3900, 4000), (1, 16_000)] {
        let mut siege = Siege::start().await;
        let pseudo = block(&GET);
        // A field that is put into the table, and then its number there.
        let mut field = block(&[("x", "a".repeat(value))]);
        field[0] = 0x40;
        let bomb = [&pseudo[..], &field, &vec![0xbe; references]].concat();
        let mut bytes = Vec::new();
        for (at, piece) in bomb.chunks(16 << 10).enumerate() {
            let last = if (at + 1) << 14 >= bomb.len() { END_HEADERS } else { 0 };
            let kind = if at == 0 { kind::HEADERS } else { kind::CONTINUATION };
            bytes.extend(Frame::bytes(kind, last, 1, piece));
        }
        siege.frames.write(&bytes).await;
        let end = ended(&mut siege.frames).await;
        assert!(matches!(end, Ended::Reset | Ended::Cut | Ended::Status(400 | 431)), "{end:?}");
        // On many streams, which stay open.
        let again = [&pseudo[..], &vec![0xbe; references.min(8000)]].concat();
        siege.flood(100, |number| Frame::bytes(kind::HEADERS, END_HEADERS, stream(number + 1), &again)).await;
        assert_eq!(siege.end().await, 0);
    }
}

//! HTTP/2 whose like in HTTP/1.1 would be another request, or several.

use gateway_tests::frames::{END_HEADERS, END_STREAM, Frame, Frames, block, kind};
use gateway_tests::{Seen, find};

use crate::bench::Bench;

type Field<'a> = (&'a [u8], &'a [u8]);

const POST: [Field<'static>; 4] =
    [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a"), (b":authority", b"gw.test")];

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Status(u16),
    Reset,
    /// With its connection.
    Cut,
}

impl Ended {
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Status(400..=499 | 501) | Self::Reset | Self::Cut)
    }
}

/// The end of stream 1.
pub(crate) async fn ended(frames: &mut Frames) -> Ended {
    while let Some(frame) = frames.next().await {
        match (frame.kind, frame.stream) {
            (kind::HEADERS, 1) => return Ended::Status(frame.status().unwrap()),
            (kind::RST_STREAM, 1) => return Ended::Reset,
            (kind::GOAWAY, _) => return Ended::Cut,
            _ => {}
        }
    }
    Ended::Cut
}

/// A request of these fields and of data in these frames; it ends with the last of them.
async fn ask(bench: &Bench, fields: &[Field<'_>], data: &[&[u8]], trailers: &[Field<'_>]) -> Ended {
    let mut frames = Frames::connect(bench.gateway.address()).await;
    let last = |last: bool| if last { END_STREAM } else { 0 };
    let mut bytes = Frame::bytes(
        kind::HEADERS,
        END_HEADERS | last(data.is_empty() && trailers.is_empty()),
        1,
        &block(fields),
    );
    for (at, piece) in data.iter().enumerate() {
        let flags = last(trailers.is_empty() && at + 1 == data.len());
        bytes.extend(Frame::bytes(kind::DATA, flags, 1, piece));
    }
    if !trailers.is_empty() {
        bytes.extend(Frame::bytes(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block(trailers)));
    }
    frames.write(&bytes).await;
    ended(&mut frames).await
}

/// The upstream sees no whole request.
async fn refuses(bench: &Bench, fields: &[Field<'_>], data: &[&[u8]]) {
    let end = ask(bench, fields, data, &[]).await;
    let shown: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
        .collect();
    assert!(end.is_refusal(), "{shown:?} {data:?}: {end:?}");
}

async fn passes(bench: &Bench, fields: &[Field<'_>], data: &[&[u8]], trailers: &[Field<'_>]) -> Seen {
    bench.count();
    assert_eq!(ask(bench, fields, data, trailers).await, Ended::Status(200), "{fields:?}");
    bench.origin.seen().pop().unwrap()
}

/// The usual fields, the pseudo-field `name` apart.
fn without(name: &[u8]) -> Vec<Field<'static>> {
    POST.into_iter().filter(|(other, _)| *other != name).collect()
}

fn with<'a>(name: &'a [u8], value: &'a [u8]) -> Vec<Field<'a>> {
    let mut fields: Vec<Field<'_>> = POST.to_vec();
    match fields.iter_mut().find(|(other, _)| *other == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    }
    fields
}

#[tokio::test]
async fn pseudo_fields() {
    let bench = Bench::start().await;
    let cases: [(&[u8], &[&[u8]]); 4] = [
        (b":method", &[b"", b"G T", b"GET / HTTP/1.1\r\nX: y\r\n\r\nGET", b"G\0T", b"G\xc3\xa9T", b"GET\t"]),
        (
            b":path",
            &[
                b"",
                b"a",
                b"/a b",
                b"/a\tb",
                b"/a\0",
                b"/a\x7f",
                b"/ HTTP/1.1\r\nHost: evil.test\r\n\r\nGET /smuggled",
                b"/\r\nX: y",
                b"/a\nb",
                b"/a\rb",
                b"/a%0d%0ab",
                b"/../a",
                b"*",
            ],
        ),
        (b":scheme", &[b"", b"ht tp", b"http\r\nX: y", b"http://evil.test/?", b"ftp"]),
        (
            b":authority",
            &[
                b"",
                b"u@gw.test",
                b"gw.test/",
                b"gw.test evil",
                b"gw.test\r\nX: y",
                b"gw.test\0",
                b"a,b",
                b"gw.test:x",
                b"gw.test:80:80",
                b"a\\b",
                b"a?b",
                b"a#b",
                b"[::1",
                b"a%0d%0ab",
            ],
        ),
    ];
    for (name, values) in cases {
        for value in values {
            refuses(&bench, &with(name, value), &[]).await;
        }
    }
    bench.finish().await;
}

#[tokio::test]
async fn pseudo_fields_stand_once_and_first() {
    let bench = Bench::start().await;
    for missing in [&b":method"[..], b":scheme", b":path"] {
        refuses(&bench, &without(missing), &[]).await;
    }
    for doubled in POST {
        refuses(&bench, &[&[doubled], &POST[..]].concat(), &[]).await;
        // They come before all others.
        refuses(&bench, &[&without(doubled.0)[..], &[(b"x", b"y"), doubled]].concat(), &[]).await;
    }
    for (name, value) in [(&b":status"[..], &b"200"[..]), (b":unknown", b"a"), (b":", b"a"), (b":Path", b"/")]
    {
        refuses(&bench, &[&POST[..], &[(name, value)]].concat(), &[]).await;
    }
    // Tunnels.
    refuses(&bench, &[(b":method", b"CONNECT"), (b":authority", b"gw.test:443")], &[]).await;
    refuses(&bench, &[&with(b":method", b"CONNECT")[..], &[(b":protocol", b"websocket")]].concat(), &[])
        .await;
    bench.finish().await;
}

#[tokio::test]
async fn fields() {
    let bench = Bench::start().await;
    for name in [&b"X-A"[..], b"", b"x a", b"x:", b"x\r\ny", b"x\n", b"x\0", b"x\xc3\xa9", b"x\t", b"(x)"] {
        refuses(&bench, &with(name, b"a"), &[]).await;
    }
    for value in [&b"a\r\nX-Evil: b"[..], b"a\nb", b"a\rb", b"a\0b", b"a\x7fb", b" a", b"a ", b"\ta", b"a\t"]
    {
        refuses(&bench, &with(b"x", value), &[]).await;
    }
    // Those of HTTP/1.1 alone.
    for (name, value) in [
        (&b"connection"[..], &b"close"[..]),
        (b"connection", b"x"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"keep-alive"),
        (b"upgrade", b"websocket"),
        (b"transfer-encoding", b"chunked"),
        (b"transfer-encoding", b"identity"),
        (b"te", b"gzip"),
    ] {
        refuses(&bench, &with(name, value), &[b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"]).await;
    }
    refuses(&bench, &with(b"host", b"evil.test"), &[]).await;
    refuses(&bench, &[&with(b"host", b"gw.test")[..], &[(b"host", b"gw.test")]].concat(), &[]).await;
    refuses(&bench, &with(b"expect", b"200-maybe"), &[]).await;

    let fields =
        [&POST[..], &[(b"x_y", b"1"), (b"cookie", b"a=b"), (b"te", b"trailers"), (b"cookie", b"c=d")]];
    let seen = passes(&bench, &fields.concat(), &[], &[]).await;
    let said = |name: &str| find(&seen.fields, name);
    assert_eq!((said("x_y"), said("cookie"), said("host")), (None, Some("a=b; c=d"), Some("gw.test")));
    assert_eq!(passes(&bench, &with(b"host", b"gw.test"), &[], &[]).await.target, "/a");
    bench.finish().await;
}

#[tokio::test]
async fn bodies_are_as_long_as_they_say() {
    let bench = Bench::start().await;
    for length in [&b"4"[..], b"6", b"0", b"+5", b"-5", b"5, 5", b"5a", b"", b"18446744073709551621"] {
        refuses(&bench, &with(b"content-length", length), &[b"hel", b"lo"]).await;
    }
    refuses(&bench, &with(b"content-length", b"5"), &[]).await;
    let twice = [&with(b"content-length", b"5")[..], &[(b"content-length", b"6")]].concat();
    refuses(&bench, &twice, &[b"hello"]).await;
    refuses(&bench, &twice, &[b"hello!"]).await;
    for fields in [&POST[..], &with(b"content-length", b"5")] {
        let seen = passes(&bench, fields, &[b"hel", b"", b"lo"], &[]).await;
        assert_eq!(seen.body, b"hello");
    }
    bench.finish().await;
}

#[tokio::test]
async fn trailers() {
    let bench = Bench::start().await;
    for (name, value) in [
        (&b"X"[..], &b"a"[..]),
        (b"x", b"a\r\nX-Evil: b"),
        (b"x\r\n", b"a"),
        (b"connection", b"close"),
        (b"transfer-encoding", b"chunked"),
    ] {
        let end = ask(&bench, &POST, &[b"hello"], &[(name, value)]).await;
        assert!(end.is_refusal(), "{}: {end:?}", name.escape_ascii());
    }
    // h2 drops these in silence.
    for pseudo in [(&b":path"[..], &b"/smuggled"[..]), (b":status", b"200")] {
        let seen = passes(&bench, &POST, &[b"hello"], &[pseudo]).await;
        assert_eq!((seen.target.as_str(), seen.trailers), ("/a", Vec::new()));
    }
    let late: [Field<'_>; 4] =
        [(b"content-length", b"7"), (b"host", b"evil.test"), (b"x-forwarded-for", b"10.0.0.1"), (b"x", b"a")];
    // hyper's half writes those alone that are announced.
    let seen = passes(&bench, &with(b"trailer", b"x"), &[b"hello"], &late).await;
    assert_eq!((&seen.body[..], seen.trailers), (&b"hello"[..], vec![("x".to_owned(), "a".to_owned())]));
    bench.finish().await;
}

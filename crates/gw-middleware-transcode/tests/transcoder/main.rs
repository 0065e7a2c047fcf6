//! The transcoder as its users meet it: options in, a request up, an answer down, both parts in one chain.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test stops at its first surprise"
)]

mod properties;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use gw_core::{Body, Clock, EndpointInfo, Error, Outcome, Request, Response};
use gw_middleware::{
    BuildContext, BuildError, Chain, Middleware, MiddlewareFactory as _, client_fn, middleware_fn,
};
use gw_middleware_transcode::Factory;
use gw_value::{Dialect, Options};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::json;

fn options(json: &str) -> Options {
    Options::new(serde_json::from_str(json).unwrap(), Dialect::Go, false)
}

fn chain<C: gw_core::Client>(grpc: bool, options: &Options, upstream: C) -> Arc<Chain> {
    chain_with(grpc, options, Vec::new(), upstream)
}

/// Both parts, and what stands between them.
fn chain_with<C: gw_core::Client>(
    grpc: bool,
    options: &Options,
    between: Vec<Arc<dyn Middleware>>,
    upstream: C,
) -> Arc<Chain> {
    let endpoint = EndpointInfo { grpc, ..EndpointInfo::default() };
    let transcoder =
        Factory.build(options, &BuildContext::alone(Arc::new(endpoint), Clock::system())).unwrap();
    let mut parts = vec![Arc::clone(&transcoder)];
    parts.extend(between);
    parts.extend(transcoder.attempt());
    let renderer = |error: &Error, _: Option<&gw_core::RequestContext>| {
        let mut response = Response::new(Body::from(error.detail().unwrap_or_default().to_owned()));
        *response.status_mut() = error.status();
        response
    };
    Chain::new(parts, Arc::new(upstream), Arc::new(renderer))
}

/// What an upstream got: the method, the fields, the bytes.
type Seen = (String, HeaderMap, Bytes);

/// Sends a request to an upstream that shows what it got in the extensions of an answer without a message.
async fn seen(req: Request, grpc: bool, json: &str) -> (Response, Option<Seen>) {
    let upstream = client_fn(|req: Request| async move {
        let (head, body) = req.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let mut response = Response::new(Body::from(Bytes::from_static(b"\0\0\0\0\0")));
        response.headers_mut().insert("grpc-status", HeaderValue::from_static("0"));
        response.extensions_mut().insert((head.method.to_string(), head.headers, bytes));
        Ok(response)
    });
    let response = chain(grpc, &options(json), upstream).run(req).await;
    let seen = response.extensions().get::<Seen>().cloned();
    (response, seen)
}

fn request(method: &str, content_type: Option<&str>, body: &'static str) -> Request {
    let mut req = http::Request::builder().method(method).uri("/a.B/C").body(Body::from(body)).unwrap();
    if let Some(content_type) = content_type {
        req.headers_mut().insert("content-type", HeaderValue::from_str(content_type).unwrap());
    }
    req
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_body_becomes_the_message_of_a_call() {
    for (method, content_type, body, sends, bytes) in [
        (
            "POST",
            Some("application/json"),
            "{\"a\":1}",
            "application/grpc+json",
            &b"\0\0\0\0\x07{\"a\":1}"[..],
        ),
        ("PUT", Some("Application/JSON; charset=utf-8"), "{}", "application/grpc+json", b"\0\0\0\0\x02{}"),
        ("POST", Some("application/x-protobuf"), "", "application/grpc+x-protobuf", b"\0\0\0\0\0"),
        ("POST", Some("application/vnd.a+b"), "x", "application/grpc+vnd.a+b", b"\0\0\0\0\x01x"),
        ("GET", None, "", "application/grpc+json", b"\0\0\0\0\x02{}"),
        ("POST", Some("application/json"), "", "application/grpc+json", b"\0\0\0\0\x02{}"),
    ] {
        let mut req = request(method, content_type, body);
        for (name, value) in [("accept-encoding", "gzip"), ("grpc-encoding", "gzip"), ("x-a", "1")] {
            req.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let (response, seen) = seen(req, true, "{}").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], sends.replace("grpc+", ""));
        let (method, headers, got) = seen.unwrap();
        assert_eq!((method.as_str(), &got[..]), ("POST", bytes), "{content_type:?} {body}");
        let expected = [
            ("content-type", sends),
            ("content-length", &*bytes.len().to_string()),
            ("te", "trailers"),
            ("grpc-accept-encoding", "identity"),
            ("x-a", "1"),
        ];
        assert_eq!(headers.len(), expected.len(), "{headers:?}");
        for (name, value) in expected {
            assert_eq!(headers[name], value, "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_no_call_of_this_kind_passes_untouched() {
    for (grpc, method, content_type) in [
        (false, "POST", "application/json"),
        (true, "POST", "application/grpc"),
        (true, "POST", "Application/gRPC+json"),
        (true, "POST", "application/grpc-web-text"),
        (true, "HEAD", "application/json"),
        (true, "OPTIONS", "application/json"),
    ] {
        let (response, seen) = seen(request(method, Some(content_type), "x"), grpc, "{}").await;
        let (got, headers, bytes) = seen.unwrap();
        assert_eq!((got.as_str(), &bytes[..]), (method, &b"x"[..]), "{content_type}");
        assert_eq!((headers.len(), &headers["content-type"]), (1, &content_type.parse().unwrap()));
        assert_eq!(response.headers()["grpc-status"], "0", "{method} {content_type}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_a_message_is_refused() {
    let coded = {
        let mut req = request("POST", Some("application/json"), "x");
        req.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
        req
    };
    let streamed = {
        let chunks =
            ["12", "34", "5"].map(|chunk| Ok::<_, Error>(Frame::data(Bytes::from_static(chunk.as_bytes()))));
        request("POST", None, "").map(|_| Body::stream(StreamBody::new(stream::iter(chunks))))
    };
    let broken = {
        let chunks = [Err::<Frame<Bytes>, _>(Error::new(Outcome::ClientMalformed))];
        request("POST", None, "").map(|_| Body::stream(StreamBody::new(stream::iter(chunks))))
    };
    for (req, status) in [
        (request("POST", Some("text/plain"), "x"), 415),
        (request("POST", Some("application/"), "x"), 415),
        (request("POST", Some("application/a b"), "x"), 415),
        (request("POST", Some(""), "x"), 415),
        (coded, 415),
        (request("POST", None, "12345"), 413),
        (streamed, 413),
        (broken, 400),
        (request("POST", None, "1234"), 200),
    ] {
        let shown = format!("{req:?}");
        let (response, seen) = seen(req, true, r#"{"maxRequestBytes": 4}"#).await;
        assert_eq!((response.status().as_u16(), seen.is_some()), (status, status == 200), "{shown}");
    }
}

/// An upstream's answer: its header fields, the chunks of its body, its trailers.
#[derive(Clone, Debug)]
struct Upstream {
    fields: HeaderMap,
    chunks: Vec<Bytes>,
    trailers: HeaderMap,
}

fn fields(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn upstream(
    headers: &[(&'static str, &str)],
    chunks: &[&[u8]],
    trailers: &[(&'static str, &str)],
) -> Upstream {
    let chunks = chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect();
    Upstream { fields: fields(headers), chunks, trailers: fields(trailers) }
}

impl Upstream {
    fn response(self) -> Response {
        let data = self.chunks.into_iter().map(Frame::data);
        let frames: Vec<_> = data.chain([Frame::trailers(self.trailers)]).map(Ok::<_, Error>).collect();
        let mut response = Response::new(Body::stream(StreamBody::new(stream::iter(frames))));
        *response.headers_mut() = self.fields;
        response
    }
}

/// What a caller of the type `application/json` gets of it.
async fn answered(json: &str, upstream: Upstream) -> Response {
    let client = client_fn(move |_| std::future::ready(Ok(upstream.clone().response())));
    chain(true, &options(json), client).run(request("POST", Some("application/json"), "{}")).await
}

#[tokio::test]
async fn a_message_becomes_the_body_and_trailers_become_headers() {
    let headers = [
        ("content-type", "application/grpc+json"),
        ("content-length", "12"),
        ("grpc-encoding", "identity"),
        ("x-a", "1"),
    ];
    let trailers = [
        ("grpc-status", "0"),
        ("grpc-message", "fine"),
        ("x-a", "2"),
        ("x-b", "3"),
        ("connection", "x-b"),
        ("content-length", "99"),
        ("content-type", "text/html"),
        ("transfer-encoding", "chunked"),
    ];
    let answer = answered("{}", upstream(&headers, &[b"\0\0\0", b"\0\x07{\"a\"", b":1}"], &trailers)).await;
    assert_eq!(answer.status(), 200);
    let expected = [
        ("content-type", "application/json"),
        ("content-length", "7"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("x-b", "3"),
    ];
    assert_eq!(*answer.headers(), fields(&expected));
    assert_eq!(text(answer).await, "{\"a\":1}");
}

#[tokio::test]
async fn a_status_becomes_an_http_status_and_json() {
    let details = "CAUSAmhpGgcKAWESAv8A";
    let ended = [
        ("grpc-status", "5"),
        ("grpc-message", "no%20caf%C3%A9"),
        ("grpc-status-details-bin", details),
        ("x-a", "1"),
    ];
    let only_headers = upstream(&ended, &[], &[]);
    let in_trailers = upstream(&[("content-type", "application/grpc")], &[], &ended);
    let after_some = upstream(&[("grpc-status", "0")], &[b"\0\0\0\0\x09abc"], &ended);
    for (options, status) in [("{}", 404), (r#"{"status": "http"}"#, 404), (r#"{"status": "kratos"}"#, 200)] {
        for upstream in [&only_headers, &in_trailers, &after_some] {
            let answer = answered(options, upstream.clone()).await;
            assert_eq!(answer.status(), status, "{options} {upstream:?}");
            let length = answer.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap();
            let expected = [
                ("content-type", "application/json"),
                ("content-length", &*length.to_string()),
                ("x-a", "1"),
            ];
            assert_eq!(*answer.headers(), fields(&expected));
            let body = text(answer).await;
            assert_eq!(length, body.len());
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            let details = json!([{ "@type": "a", "value": "/wA=" }]);
            assert_eq!(body, json!({ "code": 5, "message": "no café", "details": details }));
        }
    }
    let answer = answered("{}", upstream(&[("grpc-status", "16")], &[], &[])).await;
    assert_eq!(
        (answer.status(), &answer.headers()["www-authenticate"] == "Bearer"),
        (StatusCode::UNAUTHORIZED, true)
    );
}

#[tokio::test]
async fn an_answer_that_is_no_unary_one_is_a_502_with_the_reason() {
    let ok = [("grpc-status", "0")];
    for (upstream, reason) in [
        (upstream(&[], &[b"\0\0\0\0\0"], &[]), "answered 200 without a grpc-status"),
        (upstream(&[], &[], &[("grpc-status", "fine")]), "grpc-status is no number"),
        (upstream(&ok, &[], &[]), "no message"),
        (upstream(&ok, &[b"\0\0\0"], &[]), "within a message"),
        (upstream(&ok, &[b"\0\0\0\0\x05abcd"], &[]), "within a message"),
        (upstream(&ok, &[b"\0\0\0\0\0", b"\0\0\0\0\0"], &[]), "more than one message"),
        (upstream(&ok, &[b"\x01\0\0\0\0"], &[]), "compressed"),
        (upstream(&ok, &[b"<html>"], &[]), "flag"),
        (upstream(&ok, &[b"\0\0\0\0\x09"], &[]), "larger"),
    ] {
        let shown = format!("{upstream:?}");
        let answer = answered(r#"{"max_response_bytes": "8"}"#, upstream).await;
        assert_eq!(answer.status(), 502, "{shown}");
        let text = text(answer).await;
        assert!(text.contains(reason), "{shown}: {text}");
    }
}

/// 4 MiB each way, unless the options say otherwise.
#[tokio::test]
async fn messages_have_a_default_limit() {
    const LIMIT: usize = 4 << 20;
    for (bytes, statuses) in [(LIMIT, [200, 200]), (LIMIT + 1, [413, 502])] {
        let message: &'static str = "x".repeat(bytes).leak();
        let (sent, _) = seen(request("POST", Some("application/json"), message), true, "{}").await;
        let head = [&[0][..], &u32::try_from(bytes).unwrap().to_be_bytes()].concat();
        let reply = upstream(&[("grpc-status", "0")], &[&head, message.as_bytes()], &[]);
        let got = answered("{}", reply).await;
        assert_eq!([sent.status().as_u16(), got.status().as_u16()], statuses, "{bytes}");
    }
}

/// The body of a streaming method may have no end that one could wait for.
#[tokio::test]
async fn a_second_message_ends_the_call_at_once() {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let streaming = client_fn(move |_| {
        let counted = Arc::clone(&counted);
        let message = move |_| {
            counted.fetch_add(1, Relaxed);
            Ok::<_, Error>(Frame::data(Bytes::from_static(b"\0\0\0\0\0")))
        };
        let messages = StreamBody::new(stream::iter(0..100).map(message));
        std::future::ready(Ok(Response::new(Body::stream(messages))))
    });
    let answer = chain(true, &options("{}"), streaming).run(request("POST", None, "{}")).await;
    assert_eq!((answer.status().as_u16(), read.load(Relaxed)), (502, 2));
}

#[tokio::test]
async fn failures_of_the_gateway_and_of_the_body_keep_their_own_answers() {
    let refused = client_fn(|_| async { Err(Error::unsent(Outcome::NoHealthyUpstream)) });
    let answer = chain(true, &options("{}"), refused).run(request("POST", None, "{}")).await;
    assert_eq!(answer.status(), 503);
    let broken = client_fn(|_| async {
        let frames =
            [Ok(Frame::data(Bytes::from_static(b"\0\0"))), Err(Error::new(Outcome::UpstreamTimeout))];
        Ok(Response::new(Body::stream(StreamBody::new(stream::iter(frames)))))
    });
    let answer = chain(true, &options("{}"), broken).run(request("POST", None, "{}")).await;
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
}

/// A middleware may ask another upstream instead, or have an answer of its own.
#[tokio::test]
async fn an_answer_that_came_by_no_attempt_is_transcoded_if_it_is_grpc() {
    let ended = [("content-type", "application/grpc"), ("grpc-status", "5")];
    let own = [("content-type", "text/plain")];
    for (instead, status, content_type) in [(&ended[..], 404, "application/json"), (&own, 200, "text/plain")]
    {
        let instead = upstream(instead, &[], &[]);
        let middleware = middleware_fn(move |_, _| {
            let response = instead.clone().response();
            Box::pin(async { Ok(response) })
        });
        let never = client_fn(|_| async { panic!("not asked") });
        let chain = chain_with(true, &options("{}"), vec![Arc::new(middleware)], never);
        let answer = chain.run(request("POST", None, "{}")).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
            (status, content_type)
        );
    }
}

#[test]
fn options_are_checked_where_they_stand() {
    let build = |json: &str| {
        let cx = BuildContext::alone(Arc::new(EndpointInfo::default()), Clock::system());
        Factory.build(&options(json), &cx).map(|_| ())
    };
    for good in ["{}", "null", r#"{"@type": "x", "maxRequestBytes": "1", "max_response_bytes": 4294967295}"#]
    {
        assert!(build(good).is_ok(), "{good}");
    }
    for (bad, path, code) in [
        (r#"{"maxRequestBytes": 0}"#, "maxRequestBytes", "GW0106"),
        (r#"{"max_response_bytes": 4294967296}"#, "max_response_bytes", "GW0106"),
        (r#"{"status": "htpp"}"#, "status", "GW0104"),
    ] {
        let Err(BuildError::Options(faults)) = build(bad) else { panic!("{bad}") };
        assert_eq!((faults[0].path.as_str(), faults[0].code), (path, code), "{bad}");
    }
}

//! The transcoder: JSON in, a gRPC call upstream, JSON out, and every failure with the status that an HTTP caller reads.

use std::sync::Arc;

use gateway_tests::grpc::{GrpcCaller, GrpcOrigin, frame};
use gateway_tests::{
    Answer, Body, Caller, Format, Gateway, Origin, Received, Script, chunks, empty, full, hash, table,
};
use http::{HeaderMap, Response, Version};
use serde_json::{Value, json};

const TRANSCODED: &str = "protocol = \"grpc\"\nmiddlewares = [{ name = \"transcoder\" }]";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn call(caller: &mut Caller, method: &str, path: &str, fields: &[(&str, &str)], body: Body) -> Answer {
    let start = caller.request(method, path);
    let builder = fields.iter().fold(start, |builder, (name, value)| builder.header(*name, *value));
    caller.call(builder.body(body).unwrap()).await
}

async fn before(origin: &GrpcOrigin, keys: &str) -> (Gateway, Caller) {
    let config = table("/test.Echo/*", &format!("{keys}\n{TRANSCODED}"), &[origin.address()]);
    let gateway = Gateway::start(&config, Format::Toml).await;
    let caller = Caller::http1(gateway.address()).await;
    (gateway, caller)
}

/// An upstream that answers each request, by its number, with the message `{}` and this status in its trailers; `None` breaks off.
async fn scripted(status: impl Fn(usize) -> Option<u16> + Send + Sync + 'static) -> Origin {
    let respond = |status: u16| {
        Script::Respond(Arc::new(move |_: &Received| {
            let (mut sender, body) = chunks();
            tokio::spawn(async move {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", status.into());
                // An error means that the client went away.
                let _ = sender.send(frame(b"{}")).await;
                let _ = sender.trailers(trailers).await;
            });
            Response::builder().header("content-type", "application/grpc+json").body(body).unwrap()
        }))
    };
    let script = move |number| status(number).map_or(Script::Abort, respond);
    Origin::start("one", Script::Each(Arc::new(script))).await
}

#[tokio::test]
async fn json_is_a_grpc_call_upstream_and_comes_back() {
    let origin = GrpcOrigin::start().await;
    let (gateway, http1) = before(&origin, "").await;
    for mut caller in [http1, Caller::http2(gateway.address()).await] {
        let fields = [("content-type", "application/json; charset=utf-8"), ("x-echo", "there and back")];
        let answer = call(&mut caller, "POST", "/test.Echo/Unary", &fields, full("{\"a\":1}")).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{\"a\":1}"), "{answer:?}");
        for (name, value) in [
            JSON,
            ("content-length", "7"),
            ("x-echo", "there and back"),
            ("x-echo-trailer", "there and back"),
            ("grpc-status", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
        assert!(answer.trailers.is_empty());
    }
    let large = "7".repeat(314_159);
    let answer =
        call(&mut Caller::http1(gateway.address()).await, "POST", "/test.Echo/Unary", &[], full(large)).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 314_159));

    let mut grpc = GrpcCaller::connect(gateway.address()).await;
    let answer = grpc.unary("/test.Echo/Unary", b"hello", &[]).await;
    assert_eq!((answer.status(), answer.messages.as_slice()), (0, &[b"hello"[..].into()][..]));
}

#[tokio::test]
async fn the_upstream_sees_one_framed_message() {
    let origin = scripted(|_| Some(0)).await;
    let gateway = Gateway::start(&table("/*", TRANSCODED, &[origin.address()]), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    for (method, body, message) in [("POST", full("{\"a\":1}"), "{\"a\":1}"), ("GET", empty(), "{}")] {
        let answer = call(&mut caller, method, "/a.B/C", &[], body).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{}"), "{answer:?}");
        let seen = origin.received().pop().unwrap();
        assert_eq!((seen.method.as_str(), seen.version), ("POST", Version::HTTP_2));
        assert!(seen.target.ends_with("/a.B/C"), "{}", seen.target);
        assert_eq!(seen.body_hash, hash(&frame(message.as_bytes())));
        for (name, value) in [
            ("content-type", "application/grpc+json"),
            ("content-length", &*(5 + message.len()).to_string()),
            ("te", "trailers"),
            ("grpc-accept-encoding", "identity"),
        ] {
            assert_eq!(seen.headers.get(name).unwrap(), value, "{name}");
        }
    }
}

/// A failure that is safe to repeat is repeated with the same bytes, and conditions see the status that the caller
/// would get, though it came in trailers.
#[tokio::test]
async fn every_attempt_sends_the_framed_body() {
    for (method, first, condition) in [
        ("PUT", None, ""),
        ("POST", Some(14), "conditions = [{ by_status_code = \"503\" }]"),
        ("POST", Some(10), "conditions = [{ by_header = { name = \"grpc-status\", value = \"10\" } }]"),
    ] {
        let origin = scripted(move |number| if number < 2 { first } else { Some(0) }).await;
        let keys = format!("{TRANSCODED}\n[endpoints.retry]\nattempts = 3\n{condition}");
        let gateway = Gateway::start(&table("/*", &keys, &[origin.address()]), Format::Toml).await;
        let mut caller = Caller::http1(gateway.address()).await;
        let answer = call(&mut caller, method, "/a.B/C", &[JSON], full("{\"a\":1}")).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{}"), "{answer:?}");
        let seen = origin.received();
        let expected = hash(&frame(b"{\"a\":1}"));
        let hashes: Vec<_> = seen.iter().map(|seen| (seen.method.as_str(), seen.body_hash)).collect();
        assert_eq!(hashes, [("POST", expected); 3], "{condition}");
    }
}

#[tokio::test]
async fn a_status_is_an_http_status_with_json() {
    let origin = GrpcOrigin::start().await;
    let (_gateway, mut caller) = before(&origin, "").await;
    for (code, status) in [("3", 400), ("5", 404), ("7", 403), ("14", 503), ("16", 401), ("2", 500)] {
        let fields = [JSON, ("x-status", code), ("x-message", "not%20for you")];
        let answer = call(&mut caller, "POST", "/test.Echo/Fail", &fields, full("{}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, "application/json"));
        let code: u16 = code.parse().unwrap();
        assert_eq!(answer.json(), json!({ "code": code, "message": "not for you", "details": [] }));
        assert_eq!((answer.header("grpc-status"), answer.header("grpc-message")), ("", ""));
    }
    let answer = call(&mut caller, "POST", "/test.Echo/Missing", &[JSON], full("{}")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (501, &Value::from(12)));
    // What the caller sends is said to be wrong in the form that it reads.
    let text = [("content-type", "text/plain"), ("accept", "application/json")];
    let answer = call(&mut caller, "POST", "/test.Echo/Unary", &text, full("x")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["outcome"]), (415, &"unsupported_media".into()));
    let answer =
        call(&mut caller, "POST", "/test.Echo/Unary", &[JSON], full(vec![b'x'; (4 << 20) + 1])).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn what_is_no_unary_answer_is_a_502_with_its_reason() {
    let origin = GrpcOrigin::start().await;
    let (_gateway, mut caller) = before(&origin, "").await;
    let accept = [("accept", "application/json")];
    let answer = call(&mut caller, "POST", "/test.Echo/Server", &accept, full("2")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["outcome"]), (502, &"upstream_malformed".into()));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("more than one message"), "{detail}");

    let plain = Origin::start("one", Script::Status(200)).await;
    let gateway = Gateway::start(&table("/*", TRANSCODED, &[plain.address()]), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(call(&mut caller, "POST", "/a.B/C", &[], full("{}")).await.status, 502);
}

/// The time of an endpoint counts until the whole message is there, even if the upstream has sent its headers.
#[tokio::test]
async fn a_message_that_does_not_come_is_a_504() {
    let origin = GrpcOrigin::start().await;
    let (_gateway, mut caller) = before(&origin, "timeout = \"200ms\"").await;
    for (method, cancelled) in [("Hold", 1), ("Silent", 2)] {
        let answer = call(&mut caller, "POST", &format!("/test.Echo/{method}"), &[JSON], full("{}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("grpc-status")), (504, ""), "{answer:?}");
        origin.record().wait("the call was cancelled upstream", |counts| counts.cancelled == cancelled).await;
    }
}

/// In the dialect of the Go gateway, with its `@type`, whatever the case of the name.
#[tokio::test]
async fn failures_of_the_gateway_are_http_answers() {
    let origin = GrpcOrigin::start().await;
    let config = format!(
        "middlewares:\n- name: Transcoder\n  options: {{ '@type': x, maxRequestBytes: 4 }}\nendpoints:\n\
         - {{ path: '/gone/*', protocol: GRPC, backends: [{{ target: '{}' }}] }}\n",
        origin.address()
    );
    let gateway = Gateway::start(&config, Format::Yaml).await;
    drop(origin);
    let mut caller = Caller::http1(gateway.address()).await;
    let fields = [JSON, ("accept", "application/json")];
    for (path, body, status, outcome) in [
        ("/a.B/C", "{}", 404, "no_route"),
        ("/gone/C", "{}", 502, "connect_refused"),
        ("/gone/C", "12345", 413, "too_large"),
    ] {
        let answer = call(&mut caller, "POST", path, &fields, full(body)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["outcome"], answer.header("content-type")),
            (status, &outcome.into(), "application/problem+json"),
            "{path}"
        );
    }
    let answer = call(&mut caller, "POST", "/gone/C", &[JSON], full("{}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("grpc-status")), (502, ""));
}

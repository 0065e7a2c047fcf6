//! gRPC by hand: every kind of call, metadata, status, deadline, cancel.

use gateway_tests::grpc::{GrpcCaller, GrpcOrigin};
use gateway_tests::{Format, Gateway, table};

const UNAVAILABLE: u16 = 14;
const DEADLINE_EXCEEDED: u16 = 4;
const UNIMPLEMENTED: u16 = 12;

async fn behind(keys: &str) -> (GrpcOrigin, Gateway, GrpcCaller) {
    let origin = GrpcOrigin::start().await;
    let config = table("/test.Echo/*", &format!("protocol = \"grpc\"\n{keys}"), &[origin.address()]);
    let gateway = Gateway::start(&config, Format::Toml).await;
    let caller = GrpcCaller::connect(gateway.address()).await;
    (origin, gateway, caller)
}

#[tokio::test]
async fn unary_calls_carry_messages_and_metadata() {
    let (_origin, _gateway, mut caller) = behind("").await;
    let large = vec![7; 314_159];
    for message in [&b""[..], b"hello", &large] {
        let answer = caller.unary("/test.Echo/Unary", message, &[("x-echo", "there and back")]).await;
        assert_eq!((answer.status(), answer.messages.as_slice()), (0, &[message.to_vec().into()][..]));
        assert_eq!(answer.headers.get("x-echo").unwrap(), "there and back");
        assert_eq!(answer.trailers.get("x-echo-trailer").unwrap(), "there and back");
    }
}

#[tokio::test]
async fn a_status_comes_with_its_message() {
    let (_origin, _gateway, mut caller) = behind("").await;
    let metadata = [("x-status", "7"), ("x-message", "not for you")];
    let answer = caller.unary("/test.Echo/Fail", b"", &metadata).await;
    assert_eq!((answer.status(), answer.message()), (7, "not for you"));
    assert!(answer.messages.is_empty());
    assert_eq!(caller.unary("/test.Echo/Missing", b"", &[]).await.status(), UNIMPLEMENTED);
}

#[tokio::test]
async fn streams_run_in_each_direction_and_in_both() {
    let (_origin, _gateway, mut caller) = behind("").await;
    let answer = caller.unary("/test.Echo/Server", b"100", &[]).await;
    assert_eq!((answer.status(), answer.messages.len()), (0, 100));
    assert_eq!(answer.messages[99], "99");

    let mut stream = caller.open("/test.Echo/Client", &[]).await;
    for _ in 0..10 {
        stream.send(&[1; 1000]).await;
    }
    let answer = stream.rest().await;
    assert_eq!((answer.status(), &answer.messages[0][..]), (0, &b"10 10000"[..]));

    let mut stream = caller.open("/test.Echo/Bidi", &[]).await;
    for n in 0..10 {
        let message = n.to_string();
        stream.send(message.as_bytes()).await;
        assert_eq!(stream.next().await.unwrap(), message);
    }
    assert_eq!(stream.rest().await.status(), 0);
}

#[tokio::test]
async fn the_callers_deadline_ends_a_call_and_is_passed_on() {
    let (origin, _gateway, mut caller) = behind("").await;
    let answer = caller.unary("/test.Echo/Hold", b"x", &[("grpc-timeout", "300m")]).await;
    assert_eq!(answer.status(), DEADLINE_EXCEEDED);
    origin.record().wait("the call was cancelled upstream", |counts| counts.cancelled == 1).await;
    let passed = origin.record().received()[0].headers.get("grpc-timeout").cloned();
    assert!(passed.is_some(), "the upstream is told how long it has");
}

#[tokio::test]
async fn the_endpoints_timeout_is_a_deadline() {
    let (origin, _gateway, mut caller) = behind("timeout = \"200ms\"").await;
    assert_eq!(caller.unary("/test.Echo/Silent", b"x", &[]).await.status(), DEADLINE_EXCEEDED);
    origin.record().wait("the call was cancelled upstream", |counts| counts.cancelled == 1).await;
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_upstream() {
    let (origin, _gateway, mut caller) = behind("").await;
    let mut stream = caller.open("/test.Echo/Hold", &[]).await;
    stream.send(b"x").await;
    origin.record().wait("the call arrived", |counts| counts.requests == 1).await;
    drop(stream);
    origin.record().wait("the call was cancelled upstream", |counts| counts.cancelled == 1).await;
}

#[tokio::test]
async fn failures_of_the_gateway_are_grpc_answers() {
    let (origin, gateway, mut caller) = behind("").await;
    assert_eq!(caller.unary("/no.Such/Method", b"", &[]).await.status(), UNIMPLEMENTED);
    drop(origin);
    let mut caller = GrpcCaller::connect(gateway.address()).await;
    assert_eq!(caller.unary("/test.Echo/Unary", b"", &[]).await.status(), UNAVAILABLE);
}

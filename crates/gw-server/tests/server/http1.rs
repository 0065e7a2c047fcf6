//! HTTP/1.1 as it should be: keep-alive, pipelining, framing of answers, expectations, flushing.

use http::header;

use crate::harness::{Client, answer, data, echo, exchange, fed, read, serve};

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = serve(echo);
    let mut client = Client::connect(server.address).await;
    for n in 0..3 {
        client.send(format!("POST /{n} HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 2\r\n\r\nhi")).await;
        let answer = client.answer().await;
        assert_eq!(answer.body, format!("POST /{n} gw.test hi"));
        assert!(!answer.closes());
        assert!(answer.field("date").is_some());
        assert!(answer.field("server").is_none());
    }
    assert_eq!(server.server.connections()[0].requests, 3);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = serve(echo);
    let mut client = Client::connect(server.address).await;
    let requests: String = (0..20).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.send(requests).await;
    for n in 0..20 {
        assert_eq!(client.answer().await.body, format!("GET /{n} a "));
    }
}

#[tokio::test]
async fn the_target_reaches_the_handler_in_origin_form() {
    let server = serve(echo);
    let request = "GET http://gw.test/a//b?c HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(server.address, request).await.0.body, "GET /a//b?c gw.test ");
}

#[tokio::test]
async fn answers_without_body_have_none() {
    let server = serve(|req| async move {
        match req.uri().path() {
            "/204" => answer(204, "ignored"),
            "/304" => answer(304, "ignored"),
            _ => answer(200, "twelve bytes"),
        }
    });
    let mut client = Client::connect(server.address).await;
    for (path, length) in [("/204", None), ("/304", None), ("/", Some("12"))] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(client.head_answer().await.field("content-length"), length, "{path}");
    }
    for path in ["/204", "/304"] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let answer = client.answer().await;
        assert_eq!(answer.field("transfer-encoding"), None);
    }
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "twelve bytes");
}

#[tokio::test]
async fn a_head_answer_without_length_gets_none() {
    let server = serve(|_| async { http::Response::new(gw_core::Body::empty()) });
    let mut client = Client::connect(server.address).await;
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.head_answer().await.field("content-length"), None);
}

#[tokio::test]
async fn http_1_0_closes_unless_asked() {
    let server = serve(echo);
    let (answer, rest) = exchange(server.address, "GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!((answer.body.as_str(), rest.as_str()), ("GET / - ", ""));
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    assert_eq!(client.answer().await.field("connection"), Some("keep-alive"));
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn continue_is_sent_when_the_body_is_wanted() {
    let server = serve(echo);
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 100);
    client.send("hi").await;
    assert_eq!(client.answer().await.body, "POST / a hi");
}

#[tokio::test]
async fn continue_is_not_sent_when_the_body_is_not_wanted() {
    let server = serve(|_| async { answer(403, "no") });
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let (answer, rest) = exchange(server.address, request).await;
    assert_eq!((answer.status, rest.as_str()), (403, ""));
}

#[tokio::test]
async fn frames_are_flushed_as_they_come() {
    let (feed, body) = fed();
    let body = parking_lot::Mutex::new(Some(body));
    let server = serve(move |_| {
        let body = body.lock().take().unwrap();
        async move {
            http::Response::builder().header(header::CONTENT_TYPE, "text/event-stream").body(body).unwrap()
        }
    });
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.until("\r\n\r\n").await;
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        feed.send(data(event)).await.unwrap();
        assert_eq!(client.until("\r\n").await, "9\r\n");
        assert_eq!(client.until("\n\n\r\n").await, format!("{event}\r\n"));
    }
    drop(feed);
    assert_eq!(client.until("\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn trailers_of_a_request_reach_the_handler() {
    let server = serve(|req| async move {
        let collected = http_body_util::BodyExt::collect(req.into_body()).await.unwrap();
        let trailers = format!("{:?}", collected.trailers().unwrap().get("x-sum").unwrap());
        http::Response::new(trailers.into())
    });
    let request = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n";
    assert_eq!(exchange(server.address, request).await.0.body, "\"7\"");
}

#[tokio::test]
async fn a_panic_is_a_500_and_spares_the_others() {
    let server = serve(|req| async move {
        assert_ne!(req.uri().path(), "/panic", "on purpose");
        let _ = read(req.into_body()).await;
        answer(200, "fine")
    });
    let mut other = Client::connect(server.address).await;
    let (failed, rest) = exchange(server.address, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((failed.status, failed.closes(), rest.as_str()), (500, true, ""));
    other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(other.answer().await.body, "fine");
    assert_eq!(server.rejections()[0].outcome, gw_core::Outcome::Internal);
}

#[tokio::test]
async fn a_body_that_panics_or_fails_cuts_the_answer_visibly() {
    let server = serve(|req| async move {
        let (feed, body) = fed();
        let panics = req.uri().path() == "/panic";
        let failing = futures_util::stream::poll_fn(move |_| {
            assert!(!panics, "on purpose");
            std::task::Poll::Ready(Some(Err::<http_body::Frame<bytes::Bytes>, _>(gw_core::Error::new(
                gw_core::Outcome::UpstreamReset,
            ))))
        });
        drop((feed, body));
        http::Response::new(gw_core::Body::stream(http_body_util::StreamBody::new(failing)))
    });
    for path in ["/panic", "/fail"] {
        let mut client = Client::connect(server.address).await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let all = client.rest().await;
        assert!(!all.ends_with("0\r\n\r\n"), "looks complete: {all}");
    }
    // Without framing the end of the connection is the end of the body: only a reset tells the difference.
    let mut client = Client::connect(server.address).await;
    client.send("GET /fail HTTP/1.0\r\n\r\n").await;
    let mut sink = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut client.stream, &mut sink).await;
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

//! Clients that take their time: each is cut off by its own limit, and the others are served.
//!
//! gw-server has the cases one by one; this is that the configured limits hold through the whole gateway.

use futures_util::future::join_all;
use gateway_tests::{Format, Gateway, Reply, StrictCaller, StrictOrigin, Then, find, table};

/// More than the buffers of all sockets on the way hold.
const LARGE: usize = 64 << 20;

/// A gateway whose clients have little time, and a strict upstream.
async fn impatient() -> (StrictOrigin, Gateway) {
    let origin = StrictOrigin::start().await;
    let limits = "{ header_timeout = \"1s\", read_timeout = \"1s\", write_timeout = \"1s\" }";
    let listener = format!("[[listeners]]\naddress = \"127.0.0.1:0\"\nlimits = {limits}\n");
    let gateway = Gateway::start(&(listener + &table("/*", "", &[origin.address()])), Format::Toml).await;
    (origin, gateway)
}

async fn others_are_served(gateway: &Gateway) {
    let mut caller = StrictCaller::connect(gateway.address()).await;
    caller.write("GET /other HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    assert_eq!(caller.answer("GET").await.unwrap().body, "GET /other");
}

#[tokio::test]
async fn heads_and_bodies_without_end() {
    let (_origin, gateway) = impatient().await;
    let slow = [
        "G",
        "GET / HTTP/1.1\r\nHost: gw.test\r\nX: ",
        "POST / HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 5\r\n\r\nhel",
        "POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ];
    let cut = slow.map(async |input| {
        let mut caller = StrictCaller::connect(gateway.address()).await;
        caller.write(input).await;
        let given = caller.answer("GET").await.unwrap();
        assert_eq!((given.status, &given.fault), (408, &None), "{input:?}: {given:?}");
        assert!(caller.rest().await.is_empty(), "{input:?}");
    });
    // Who said nothing is told nothing.
    let silent = StrictCaller::connect(gateway.address()).await;
    tokio::join!(join_all(cut), others_are_served(&gateway));
    assert!(silent.rest().await.is_empty());
    others_are_served(&gateway).await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes() {
    let (origin, gateway) = impatient().await;
    let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + LARGE, b'x');
    origin.reply("/large", Reply { bytes, then: Then::Stay, early: false });
    let mut caller = StrictCaller::connect(gateway.address()).await;
    caller.write("GET /large HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    // Its upstream is let go.
    origin.ended(1).await;
    others_are_served(&gateway).await;
    let given = caller.answer("GET").await.unwrap();
    assert_eq!(find(&given.fields, "content-length"), Some(LARGE.to_string().as_str()));
    assert!(given.fault.is_some() && given.body.len() < LARGE, "{} bytes", given.body.len());
}

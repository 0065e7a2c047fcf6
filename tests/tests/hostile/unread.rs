//! Bodies that nobody reads: what follows of a request once it is answered is never the next request.

use gateway_tests::{Reply, StrictCaller, Then, find};

use crate::answers::reply;
use crate::bench::{Bench, HYPER, SMUGGLED};

/// The request after the one whose body was not read.
const NEXT: &str = "GET /only HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n";

fn post(target: &str, framing: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: gw.test\r\n{framing}\r\n\r\n")
}

/// A request as a body, once by its length and once as a chunk.
fn smuggling() -> [(String, String); 2] {
    let length = SMUGGLED.len();
    [
        (format!("Content-Length: {length}"), SMUGGLED.to_owned()),
        ("Transfer-Encoding: chunked".to_owned(), format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n")),
    ]
}

/// The connection ends, or serves the next request; whether it does that.
async fn goes_on(mut caller: StrictCaller) -> bool {
    let next = caller.answer("GET").await.ok();
    if let Some(given) = &next {
        assert_eq!((given.status, given.body.as_str()), (200, "GET /only"), "{given:?}");
    }
    assert_eq!(caller.rest().await.escape_ascii().to_string(), "");
    next.is_some()
}

#[tokio::test]
async fn the_gateway_answers_by_itself() {
    let bench = Bench::at("/only").await;
    for (framing, body) in smuggling() {
        for together in [true, false] {
            let mut caller = bench.caller().await;
            let first = if together { body.clone() + NEXT } else { String::new() };
            caller.write(post("/other", &framing) + &first).await;
            let given = caller.answer("POST").await.unwrap();
            assert_eq!(given.status, 404, "{given:?}");
            if !together {
                caller.write(body.clone() + NEXT).await;
            }
            if goes_on(caller).await {
                bench.count();
            }
        }
    }
    bench.finish().await;
}

#[tokio::test]
async fn the_upstream_answers_before_it_has_read_all() {
    let bench = Bench::at("/*").await;
    let early = reply("HTTP/1.1 413 x\r\nContent-Length: 5\r\n\r\nlarge", Then::Stay);
    bench.origin.reply("/early", Reply { early: true, ..early });
    for (framing, body) in smuggling() {
        let mut caller = bench.caller().await;
        caller.write(post("/early", &framing)).await;
        let given = caller.answer("POST").await.unwrap();
        assert_eq!((given.status, given.body.as_str()), (413, "large"), "{given:?}");
        caller.write(body + NEXT).await;
        goes_on(caller).await;
        // Nor is what is left of it read as a request by the upstream.
        let mut caller = bench.caller().await;
        caller.write(NEXT).await;
        let given = caller.answer("GET").await.unwrap();
        assert_eq!((given.status, given.body.as_str()), (200, "GET /only"), "{given:?}");
    }
    let seen = bench.stopped().await;
    assert!(seen.iter().all(|seen| seen.target != "/smuggled"), "{seen:?}");
}

/// A client that waits to be asked for its body may send another request instead.
#[tokio::test]
async fn the_body_was_never_asked_for() {
    let bench = Bench::at("/only").await;
    let mut caller = bench.caller().await;
    caller.write(post("/other", "Content-Length: 5\r\nExpect: 100-continue")).await;
    let given = caller.answer("POST").await.unwrap();
    let told = find(&given.fields, "connection") == Some("close");
    assert!(given.status == 404 && (HYPER || told), "{given:?}");
    caller.write(SMUGGLED).await;
    assert_eq!(caller.rest().await.escape_ascii().to_string(), "");
    bench.finish().await;
}

//! bbr before a real upstream. A threshold of 0 makes every load an overload, so that no CPU has to be heated: then two
//! requests may be in flight, and more only as far as others have just ended fast.

use std::sync::Arc;

use gateway_tests::{Answer, Caller, Format, Gateway, Origin, Script, empty, table, within};

const KEYS: &str = "id = \"shop\"\nmiddlewares = [{ name = \"BBR\", options = { cpu_threshold = 0 } }]";

/// A request is in flight until its answer has been sent, not until its headers came; over a reload, too.
#[tokio::test]
async fn what_is_in_flight_counts_until_the_last_byte() {
    let origin = Origin::start("one", Script::Stream).await;
    let other = Origin::start("other", Script::Echo).await;
    let config = |version, more| {
        let other = table("/other", &KEYS.replace("shop", "other"), &[other.address()]);
        format!("version = \"{version}\"\n{}{other}", table("/shop", more, &[origin.address()]))
    };
    let gateway = Gateway::start(&config(1, KEYS), Format::Toml).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut caller = Caller::http1(gateway.address()).await;
        let request = caller.request("GET", "/shop").body(empty()).unwrap();
        let answer = caller.send(request).await.unwrap();
        assert_eq!(answer.status(), 200, "its headers are there");
        answers.push((caller, answer, origin.stream().await));
    }
    let mut caller = Caller::http1(gateway.address()).await;
    for _ in 0..3 {
        let refused = caller.get("/shop").await;
        assert_eq!(
            (refused.status.as_u16(), refused.text().as_str()),
            (429, "rate_limited: the gateway is overloaded\n")
        );
    }
    assert_eq!(caller.get("/other").await.status, 200, "each endpoint has a limit of its own");
    gateway.rewrite(&config(2, &format!("timeout = \"9s\"\n{KEYS}")));
    gateway.live("2").await;
    assert_eq!(caller.get("/shop").await.status, 429, "the two are still in flight");
    let metrics = Caller::http1(gateway.admin()).await.get("/metrics").await.text();
    assert!(metrics.contains("gateway_bbr_dropped_total{endpoint=\"shop\"} 4\n"), "{metrics}");

    for (_caller, answer, mut chunks) in answers {
        chunks.send("the end").await.unwrap();
        drop(chunks);
        assert_eq!(Answer::read(answer).await.unwrap().text(), "the end");
    }
    let passes = async {
        loop {
            let request = caller.request("GET", "/shop").body(empty()).unwrap();
            let answer = caller.send(request).await.unwrap();
            if answer.status() == 200 {
                return;
            }
            Answer::read(answer).await.unwrap();
        }
    };
    within("there is room again", passes).await;
}

/// Two requests of three attempts each are two in flight, and a third one is refused once.
#[tokio::test]
async fn a_request_counts_once_however_often_it_is_tried() {
    let script = |number| if number % 3 < 2 { Script::Status(503) } else { Script::Stream };
    let origin = Origin::start("one", Script::Each(Arc::new(script))).await;
    let retry =
        "retry = { attempts = 3, conditions = [{ by_status_code = \"503\" }, { by_status_code = \"429\" }] }";
    let config = table("/shop", &format!("{KEYS}\n{retry}"), &[origin.address()]);
    let gateway = Gateway::start(&config, Format::Toml).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut caller = Caller::http1(gateway.address()).await;
        let request = caller.request("GET", "/shop").body(empty()).unwrap();
        let answer = caller.send(request).await.unwrap();
        assert_eq!(answer.status(), 200, "after two attempts that failed");
        answers.push((caller, answer, origin.stream().await));
    }
    assert_eq!(Caller::http1(gateway.address()).await.get("/shop").await.status, 429);
    assert_eq!(origin.counts().requests, 6);
    let metrics = Caller::http1(gateway.admin()).await.get("/metrics").await.text();
    assert!(metrics.contains("gateway_bbr_dropped_total{endpoint=\"shop\"} 1\n"), "{metrics}");
}

//! A real browser through the gateway: CORS, server-sent events, a WebSocket, and the admin port that pages cannot read.
//! `cargo xtask it` installs Chromium and runs this.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails where something is wrong, its helping functions too"
)]

#[path = "browser/rebinding.rs"]
mod rebinding;
#[path = "browser/site.rs"]
mod site;

use std::sync::Arc;

use gateway_tests::{
    Browser, Chunks, Format, Gateway, Origin, Received, Script, WebSocketOrigin, chunks, full, table,
};
use http::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use rebinding::Rebinding;
use site::Site;

/// What the browser throws when a page may not have an answer.
const REFUSED: &str = "TypeError";

/// Answers with the method, and the cookie and colour of the request.
fn shop(received: &Received) -> Response<gateway_tests::Body> {
    let field = |name| received.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
    let text = format!("{} cookie {} colour {}", received.method, field("cookie"), field("x-color"));
    let answer = Response::builder().header("set-cookie", "who=me; Path=/");
    answer.header("x-exposed", "seen").header("x-hidden", "unseen").body(full(text)).unwrap()
}

/// `/api` for the pages of `allowed` with credentials, `/open` for those of any site without.
fn with_cors(allowed: &str, backend: &Origin) -> String {
    let cors = |options: &str| format!("middlewares = [{{ name = \"cors\", options = {{ {options} }} }}]");
    let api = format!(
        "allow_origins = [\"{allowed}\"], allow_methods = [\"GET\", \"PUT\"], allow_headers = [\"X-Color\"], \
         expose_headers = [\"X-Exposed\"]"
    );
    let backends = [backend.address()];
    table("/api", &cors(&api), &backends) + &table("/open", &cors("allow_origins = [\"*\"]"), &backends)
}

/// What the page of `site` says through a gateway that allows `allowed`.
async fn cors_seen_by(site: &mut Site, allowed: &str) -> (Value, Origin) {
    let origin = Origin::start("shop", Script::Respond(Arc::new(shop))).await;
    let gateway = Gateway::start(&with_cors(allowed, &origin), Format::Toml).await;
    site.publish(include_str!("browser/cors.js"), &gateway);
    let browser = Browser::open(&site.url("127.0.0.1"));
    let seen = site.report().await;
    browser.close().await;
    (seen, origin)
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_reads_what_cors_allows() {
    let mut site = Site::start().await;
    let allowed = site.url("127.0.0.1");
    let (seen, _) = cors_seen_by(&mut site, &allowed).await;
    let expect = json!({
        "simple": "200 GET cookie - colour -",
        "preflight": "200 PUT cookie - colour blue",
        "other_field": REFUSED,
        "other_method": REFUSED,
        "fields": ["seen", null],
        "sets_cookie": "200 GET cookie - colour -",
        "with_cookie": "200 GET cookie who=me colour -",
        "without_cookie": "200 GET cookie - colour -",
        "open": "200 GET cookie - colour -",
        "open_with_cookie": REFUSED,
    });
    assert_eq!(seen, expect);
}

#[tokio::test]
async fn a_page_of_another_origin_reads_nothing() {
    let mut site = Site::start().await;
    let (seen, origin) = cors_seen_by(&mut site, "http://shop.test").await;
    let expect = json!({
        "simple": REFUSED,
        "preflight": REFUSED,
        "other_field": REFUSED,
        "other_method": REFUSED,
        "fields": REFUSED,
        "sets_cookie": REFUSED,
        "with_cookie": REFUSED,
        "without_cookie": REFUSED,
        "open": "200 GET cookie - colour -",
        "open_with_cookie": REFUSED,
    });
    assert_eq!(seen, expect);
    let targets: Vec<String> = origin.received().into_iter().map(|received| received.target).collect();
    assert_eq!(targets, ["/open", "/open"], "what is refused never reaches the upstream");
}

#[tokio::test]
async fn an_event_arrives_while_the_next_is_still_unwritten() {
    let (streams, mut opened) = mpsc::unbounded_channel::<Chunks>();
    let respond = move |_: &Received| {
        let (write, body) = chunks();
        streams.send(write).unwrap();
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    };
    let origin = Origin::start("events", Script::Respond(Arc::new(respond))).await;
    let mut site = Site::start().await;
    let cors = format!(
        "middlewares = [{{ name = \"cors\", options = {{ allow_origins = [\"{}\"] }} }}]",
        site.url("127.0.0.1")
    );
    let gateway = Gateway::start(&table("/events", &cors, &[origin.address()]), Format::Toml).await;
    site.publish(include_str!("browser/events.js"), &gateway);
    let browser = Browser::open(&site.url("127.0.0.1"));
    let mut stream = gateway_tests::within("the page asks for events", opened.recv()).await.unwrap();
    for (id, name) in [(1, ""), (2, ""), (3, "event: last\n")] {
        // The one before has been reported: nothing held it back until there was more.
        stream.send(format!("id: {id}\n{name}data: number {id}\n\n")).await.unwrap();
        assert_eq!(site.report().await, json!({ "event": format!("number {id}"), "id": id.to_string() }));
    }
    // The page has closed its end, and the upstream learns of it.
    gateway_tests::within("the stream is given up", stream.dropped()).await;
    browser.close().await;
}

#[tokio::test]
async fn a_websocket_of_a_page_is_echoed_and_closed_in_order() {
    let origin = WebSocketOrigin::start().await;
    let gateway = Gateway::start(&table("/ws", "", &[origin.address()]), Format::Toml).await;
    let mut site = Site::start().await;
    site.publish(include_str!("browser/websocket.js"), &gateway);
    let browser = Browser::open(&site.url("127.0.0.1"));
    let expect = json!({ "got": ["größer", [0, 255, 7]], "code": 4001, "reason": "enough", "clean": true });
    assert_eq!(site.report().await, expect);
    browser.close().await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_read_the_admin_port() {
    let origin = Origin::start("shop", Script::Respond(Arc::new(shop))).await;
    let gateway = Gateway::start(&with_cors("http://shop.test", &origin), Format::Toml).await;
    let mut site = Site::start().await;
    site.publish(include_str!("browser/admin.js"), &gateway);
    let browser = Browser::open(&site.url("lure.test"));
    let expect = json!({
        "control": "200 GET cookie - colour -",
        "metrics": REFUSED,
        "load": REFUSED,
        "metrics_blind": REFUSED,
        "load_blind": REFUSED,
        "post_blind": REFUSED,
    });
    assert_eq!(site.report().await, expect);
    browser.close().await;
}

/// What a page reads of the admin port after its own name was made to resolve to it.
async fn read_by_rebinding(admin: &str) -> (String, String) {
    let origin = Origin::start("shop", Script::Echo).await;
    let config = table("/", "", &[origin.address()]) + admin;
    let gateway = Gateway::start(&config, Format::Toml).await;
    let mut site = Site::start().await;
    site.publish(include_str!("browser/rebound.js"), &gateway);
    let rebinding = Rebinding::start(site.address(), gateway.admin()).await;
    let browser = Browser::open(&format!("http://rebound.test:{}/", rebinding.address().port()));
    let seen = site.report().await;
    browser.close().await;
    let text = |key: &str| seen[key].as_str().unwrap().to_owned();
    (text("metrics"), text("load"))
}

#[tokio::test]
async fn a_page_whose_name_was_rebound_to_the_admin_port_reads_nothing() {
    let (metrics, load) = read_by_rebinding("").await;
    for answer in [metrics, load] {
        assert!(answer.starts_with("403 ") && answer.contains("IP addresses and localhost only"), "{answer}");
    }
    // The attack is a real one: it works as soon as the name is allowed.
    let (metrics, load) = read_by_rebinding("[admin]\nhosts = [\"rebound.test\"]\n").await;
    assert!(metrics.starts_with("200 ") && load.starts_with("200 "), "{metrics} {load}");
}

//! The circuit breaker before real upstreams: it opens, answers in their place, recovers, and outlives a reload.

use std::sync::Arc;

use gateway_tests::{Caller, Format, Gateway, Origin, RawCaller, Script, full, table, within};

/// How many requests of `count` the breaker refused, which the header of its answer tells.
async fn refused(caller: &mut Caller, count: usize) -> usize {
    let mut refused = 0;
    for _ in 0..count {
        refused += usize::from(caller.get("/shop").await.header("x-answered-by") == "breaker");
    }
    refused
}

/// An endpoint with a breaker whose window outlasts the test.
fn shop(version: usize, keys: &str, options: &str, origin: &Origin) -> String {
    let middleware = format!(
        "[[endpoints.middlewares]]\nname = \"CircuitBreaker\"\n[endpoints.middlewares.options]\n{options}\n"
    );
    let endpoint = table("/shop", &format!("id = \"shop\"\n{keys}"), &[origin.address()]);
    format!("version = \"{version}\"\n{endpoint}{middleware}")
}

const ONE_MINUTE: &str = "success_ratio = { window = \"1m\" }\n\
    response_data = { status_code = 200, header = [{ key = \"x-answered-by\", value = [\"breaker\"] }], body = \"later\" }";

/// Of 300 requests that fail, the first 100 are too few to judge; of the others some two pass.
#[tokio::test]
async fn an_open_breaker_stays_open_over_a_reload() {
    let origin = Origin::start("one", Script::Status(500)).await;
    let gateway = Gateway::start(&shop(1, "", ONE_MINUTE, &origin), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert!(refused(&mut caller, 300).await > 150);
    assert!(origin.counts().requests < 150);

    // Another key of the endpoint makes its chain anew.
    gateway.rewrite(&shop(2, "timeout = \"9s\"", ONE_MINUTE, &origin));
    gateway.live("2").await;
    assert!(refused(&mut caller, 50).await > 25, "the window was kept");

    // So does another key of the breaker.
    let options = ONE_MINUTE.replace("{ window", "{ request = 90, window");
    gateway.rewrite(&shop(3, "", &options, &origin));
    gateway.live("3").await;
    assert!(refused(&mut caller, 50).await > 25, "the window was kept");

    let metrics = Caller::http1(gateway.admin()).await.get("/metrics").await.text();
    for series in [
        "gateway_circuit_breaker_denied_total{endpoint=\"shop\"} ",
        "gateway_circuit_breaker_refused_ratio{endpoint=\"shop\"} 0.9",
    ] {
        assert!(metrics.contains(series), "{series} in\n{metrics}");
    }
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn it_closes_when_the_upstream_is_well_again() {
    let origin = Origin::start("one", Script::failing(50, 503)).await;
    let options = "success_ratio = { request = 50, window = \"200ms\" }";
    let gateway = Gateway::start(&shop(1, "retry = { attempts = 1 }", options, &origin), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    // The first 50 fail upstream; then most are refused, until 200 ms have gone by.
    let recovers = async {
        let mut in_a_row = 0;
        while in_a_row < 100 {
            in_a_row = if caller.get("/shop").await.status == 200 { in_a_row + 1 } else { 0 };
        }
    };
    within("it recovers", recovers).await;
}

/// The body that the breaker did not touch goes to the backup, and the log tells of the backup's attempt.
#[tokio::test]
async fn a_backup_answers_with_the_whole_request() {
    let origin = Origin::start("one", Script::Echo).await;
    let backup = Origin::start("backup", Script::Echo).await;
    let options = format!(
        "ratio = 0\nbackup_service = {{ endpoint = {{ backends = [{{ target = \"{}\" }}] }} }}",
        backup.address()
    );
    let config = format!("middlewares = [{{ name = \"logging\" }}]\n{}", shop(1, "", &options, &origin));
    let mut gateway = Gateway::start(&config, Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let answer = caller.post("/shop", full("the whole body")).await.json();
    assert_eq!(
        (&answer["origin"], &answer["body_bytes"], &answer["target"]),
        (&"backup".into(), &14.into(), &"/shop".into())
    );
    backup.kill().await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write("GET /shop HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 502"), "the backup's own failure: {head}");
    assert_eq!(origin.counts().requests, 0);
    let lines = within("the access log", gateway.printed(|line| line.starts_with('{'), 2)).await;
    let told: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(told["gateway.attempts"][0]["node"], backup.address().to_string(), "{told}");
    let told: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!(told["gateway.side"], "upstream", "{told}");
}

#[tokio::test]
async fn a_backup_has_a_timeout_of_its_own() {
    let origin = Origin::start("one", Script::Echo).await;
    let backup = Origin::start("backup", Script::Held).await;
    let options = format!(
        "ratio = 0\nbackup_service = {{ endpoint = {{ timeout = \"50ms\", backends = [{{ target = \"{}\" }}] }} }}",
        backup.address()
    );
    let gateway = Gateway::start(&shop(1, "timeout = \"1h\"", &options, &origin), Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let request = caller.request("GET", "/shop").body(full("")).unwrap();
    assert_eq!(within("the backup is given up", caller.call(request)).await.status, 504);
    assert_eq!((origin.counts().requests, backup.counts().requests), (0, 1));
}

/// The original's dialect, with its misspelt key: whatever is not 200 is a failure.
#[tokio::test]
async fn the_originals_options_work() {
    let origin = Origin::start("one", Script::Status(404)).await;
    let backup = Origin::start("backup", Script::Echo).await;
    let config = format!(
        "
endpoints:
- path: /shop
  backends: [{{target: '{}'}}]
  middlewares:
  - name: circuitbreaker
    options:
      '@type': type.googleapis.com/gateway.middleware.circuitbreaker.v1.CircuitBreaker
      successRatio: {{success: 0.6, request: '1', bucket: '10', window: 60s}}
      backupService: {{endpoint: {{backends: [{{target: '{}'}}]}}}}
      assertCondtions: [{{by_status_code: '200'}}]
",
        origin.address(),
        backup.address()
    );
    let gateway = Gateway::start(&config, Format::Yaml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let mut statuses = [0; 2];
    for _ in 0..100 {
        match caller.get("/shop").await.status.as_u16() {
            404 => statuses[0] += 1,
            status => statuses[usize::from(status == 200)] += 1,
        }
    }
    assert!(statuses[1] > 50, "404, 200: {statuses:?}");
    assert_eq!(statuses, [origin.counts().requests, backup.counts().requests]);
}

/// Global outside, the endpoint's inside in their order, attempts inside both. Were the chain run for each attempt, each would have an
/// id of its own, and the breaker would count the failures that a retry mended.
#[tokio::test]
async fn attempts_are_inside_the_endpoints_chain_and_that_inside_the_global_one() {
    let odd_fail: Arc<dyn Fn(usize) -> Script + Send + Sync> =
        Arc::new(|number| if number % 2 == 0 { Script::Status(503) } else { Script::Echo });
    let origin = Origin::start("one", Script::Each(odd_fail)).await;
    let adds = |from: &str| format!("{{ add = {{ x-order = \"{from}\" }} }}");
    let global = format!(
        "[[middlewares]]\nname = \"headers\"\noptions = {{ request = {0}, response = {0} }}\n",
        adds("global")
    );
    let own = format!(
        "[[endpoints.middlewares]]\nname = \"headers\"\noptions = {{ request = {0}, response = {0} }}\n\
         [[endpoints.middlewares]]\nname = \"request_id\"\n\
         [[endpoints.middlewares]]\nname = \"headers\"\noptions = {{ request = {1}, response = {1} }}\n",
        adds("first"),
        adds("last")
    );
    let retry = "retry = { attempts = 2, conditions = [{ by_status_code = \"503\" }] }";
    let options = "success_ratio = { success = 1.0, request = 1, window = \"1m\" }";
    let config =
        format!("{global}{}{own}", shop(1, retry, options, &origin).replace("version = \"1\"\n", ""));
    let gateway = Gateway::start(&config, Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    for _ in 0..20 {
        let answer = caller.get("/shop").await;
        assert_eq!(answer.status, 200, "each second attempt succeeds, so nothing has failed: {answer:?}");
        assert_eq!(answer.echoed("x-order"), ["global", "first", "last"]);
        let order: Vec<_> = answer.headers.get_all("x-order").iter().collect();
        assert_eq!(order, ["last", "first", "global"]);
    }
    let received = origin.received();
    assert_eq!(received.len(), 40);
    for attempts in received.chunks(2) {
        assert_eq!(attempts[0].headers["x-request-id"], attempts[1].headers["x-request-id"]);
        assert_eq!(attempts[0].headers.get_all("x-order").iter().count(), 3);
    }
}

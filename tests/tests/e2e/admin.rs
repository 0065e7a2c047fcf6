//! The admin port, and the debug pages on the data port with `-debug`.

use gateway_tests::{Answer, Caller, Format, Gateway, Origin, Script, empty, table};
use http::Request;

const PAGES: [&str; 21] = [
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    "/debug/ping",
    "/debug/proxy/router/inspect",
    "/debug/config/inspect",
    "/debug/config/load",
    "/debug/config/version",
    "/debug/clients/inspect",
    "/debug/lifecycle",
    "/debug/pprof/",
    "/debug/pprof/cmdline",
    "/debug/pprof/goroutine",
    "/debug/server/connections",
    "/debug/server/listeners",
    "/debug/tasks",
    "/debug/watcher/appliers",
    "/debug/watcher/nodes",
    "/debug/watcher/services",
    "/debug/watcher/source",
];

pub(crate) fn config(origin: &Origin) -> String {
    format!("version = \"7\"\n{}", table("/users/{id}", "id = \"users\"", &[origin.address()]))
}

pub(crate) async fn started() -> (Origin, Gateway, Caller) {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = Gateway::start(&config(&origin), Format::Toml).await;
    let admin = Caller::http1(gateway.admin()).await;
    (origin, gateway, admin)
}

pub(crate) async fn ask(caller: &mut Caller, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    let start = Request::builder().method(method).uri(target);
    let builder = fields.iter().fold(start, |builder, (name, value)| builder.header(*name, *value));
    caller.call(builder.body(empty()).unwrap()).await
}

#[tokio::test]
async fn every_page_answers_those_who_may_ask() {
    let (_origin, _gateway, mut admin) = started().await;
    for page in PAGES {
        assert_eq!(admin.get(page).await.status, 200, "{page}");
        for host in ["localhost:9901", "127.0.0.1", "[::1]:1"] {
            assert_eq!(ask(&mut admin, "GET", page, &[("host", host)]).await.status, 200, "{page} at {host}");
        }
        let answer = ask(&mut admin, "GET", page, &[("host", "evil.test")]).await;
        assert_eq!(answer.status, 403, "{page}");
        let answer = ask(&mut admin, "POST", page, &[("host", "localhost")]).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD"), "{page}");
    }
    for page in
        ["/", "/users/1", "/debug/nothing", "/debug/config/nothing", "/debugger", "/livez/", "/metrics2"]
    {
        assert_eq!(admin.get(page).await.status, 404, "{page}");
    }
    let listed = admin.get("/debug/").await.text();
    let listed: Vec<&str> = listed.lines().skip(1).collect();
    for page in PAGES.iter().filter(|page| page.starts_with("/debug/")) {
        assert!(listed.contains(&page.trim_end_matches('/')), "{page} in {listed:?}");
    }
    // What is listed is there, and each name lists its own.
    for page in listed {
        let status = admin.get(&page.replace("profile", "profile?seconds=1")).await.status;
        assert!(status == 200 || status == 501 && page.ends_with("/heap"), "{page}: {status}");
        let (name, _) = page["/debug/".len()..].split_once('/').unwrap_or_default();
        if !name.is_empty() && name != "pprof" {
            let own = admin.get(&format!("/debug/{name}/")).await;
            assert!(own.status == 200 && own.text().contains(page), "{page} in {own:?}");
        }
    }
}

#[tokio::test]
async fn what_runs_is_shown() {
    let (origin, gateway, mut admin) = started().await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(caller.get("/users/1").await.status, 200);
    let mut page = async |path: &str| -> serde_json::Value {
        serde_json::from_str(&admin.get(path).await.text()).unwrap()
    };
    let tasks = page("/debug/tasks").await;
    assert!(tasks["server accept"].as_u64() >= Some(1), "{tasks}");
    assert!(tasks["server connection"].as_u64() >= Some(1), "{tasks}");
    let clients = page("/debug/clients/inspect").await;
    assert_eq!(clients["clusters"][0]["name"], "users");
    assert_eq!(clients["clusters"][0]["nodes"][0]["address"], origin.address().to_string());
    assert_eq!(clients["upstreams"], 1);
    let connections = page("/debug/server/connections").await;
    assert_eq!((&connections["open"], &connections["connections"][0]["requests"]), (&1.into(), &1.into()));
    assert_eq!(page("/debug/server/listeners").await[0]["counters"]["accepted"], 1);
    let life = page("/debug/lifecycle").await;
    assert_eq!((&life["ready"], &life["events"][0]["event"]), (&true.into(), &"serving generation 1".into()));
}

#[tokio::test]
async fn profiles_are_taken_and_what_has_no_counterpart_says_so() {
    let (_origin, _gateway, mut admin) = started().await;
    let profile = admin.get("/debug/pprof/profile?seconds=1").await;
    assert_eq!((profile.status.as_u16(), profile.header("content-type")), (200, "application/octet-stream"));
    for page in ["heap", "allocs", "block", "mutex", "threadcreate", "symbol", "trace"] {
        let answer = admin.get(&format!("/debug/pprof/{page}")).await;
        assert_eq!((answer.status.as_u16(), answer.text().lines().count()), (501, 1), "{page}");
    }
    let cmdline = admin.get("/debug/pprof/cmdline").await;
    assert!(cmdline.text().contains("-conf"), "{}", cmdline.text());
}

#[tokio::test]
async fn readiness_ends_when_the_stop_begins() {
    let (_origin, gateway, mut admin) = started().await;
    gateway.logged("it serves", |line| line.contains("\"serving\"")).await;
    assert_eq!(admin.get("/readyz").await.text(), "ready\n");
    gateway.signal("TERM");
    gateway.logged("it stops", |line| line.contains("\"stopping\"")).await;
    while admin.get("/livez").await.status == 200 {
        let ready = admin.get("/readyz").await;
        if ready.status == 503 {
            assert!(ready.text().contains("draining"), "{}", ready.text());
            break;
        }
    }
    assert_eq!(admin.get("/readyz").await.status, 503);
    assert_eq!(admin.get("/healthz").await.status, 503);
    assert_eq!(admin.get("/livez").await.status, 200);
}

#[tokio::test]
async fn the_router_shows_its_routes() {
    let (_origin, _gateway, mut admin) = started().await;
    let page = admin.get("/debug/proxy/router/inspect").await;
    assert_eq!(page.header("content-type"), "application/json");
    let page = page.json();
    let route = &page["routes"][0];
    assert_eq!((&route["endpoint"], &route["path_template"]), (&"users".into(), &"/users/{id}".into()));
    assert_eq!(page["generation"], 1);
}

#[tokio::test]
async fn the_configuration_is_shown_without_its_secrets() {
    let origin = Origin::start("one", Script::Echo).await;
    let identity = gateway_tests::Authority::default().identity(&["a.test"]);
    let secret = "hunter2-in-a-header";
    let config = format!(
        "version = \"7\"\n[[middlewares]]\nname = \"headers\"\n\
         options = {{ request = {{ set = {{ authorization = \"Bearer {secret}\" }} }} }}\n\
         [tls_store.own]\ncert = '''{}'''\nkey = '''{}'''\n{}",
        identity.cert,
        identity.key,
        table("/*", "metadata = { service = \"shown\" }", &[origin.address()]),
    );
    let gateway = Gateway::start(&config, Format::Toml).await;
    let answer = Caller::http1(gateway.address()).await.get("/").await;
    assert_eq!(answer.echoed("authorization"), [format!("Bearer {secret}")]);
    let mut admin = Caller::http1(gateway.admin()).await;
    let inspected = admin.get("/debug/config/inspect").await;
    assert!(inspected.json()["confPath"].as_str().unwrap().ends_with("gateway.toml"));
    assert_eq!(inspected.json()["confSha256"].as_str().unwrap().len(), 64);
    let loaded = admin.get("/debug/config/load").await;
    assert_eq!(loaded.json()["endpoints"][0]["metadata"]["service"], "shown");
    assert_eq!(admin.get("/debug/config/version").await.json()["version"], "7");
    let key = identity.key.lines().nth(1).unwrap();
    for page in PAGES {
        let text = admin.get(page).await.text();
        assert!(!text.contains(secret) && !text.contains(key), "{page}: {text}");
    }
    assert!(!gateway.log().contains(secret) && !gateway.log().contains(key));
    assert!(loaded.text().contains("[redacted]"));
}

/// What a reload would meet is shown, with what is wrong with it.
#[tokio::test]
async fn load_reads_the_file_again() {
    let (origin, gateway, mut admin) = started().await;
    gateway.rewrite("endpoints = 7");
    let answer = admin.get("/debug/config/load").await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("GW0102"), "{}", answer.text());
    gateway.rewrite(&config(&origin).replace("\"7\"", "\"8\""));
    assert_eq!(admin.get("/debug/config/load").await.json()["version"], "8");
    gateway.live("8").await;
    // What only lowering finds, too.
    gateway.rewrite(&format!("middlewares = [{{ name = 'transcodr' }}]\n{}", config(&origin)));
    let answer = admin.get("/debug/config/load").await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("GW0301"), "{}", answer.text());
}

#[tokio::test]
async fn debug_pages_are_on_the_data_port_only_when_asked_for() {
    let (_origin, gateway, _admin) = started().await;
    let mut caller = Caller::http1(gateway.address()).await;
    assert_eq!(caller.get("/debug/ping").await.status, 404);

    let origin = Origin::start("one", Script::Echo).await;
    let everything = table("/*", "", &[origin.address()]);
    let gateway = Gateway::start_with(&everything, Format::Toml, |command| {
        command.arg("-debug");
    })
    .await;
    let mut caller = Caller::http1(gateway.address()).await;
    for page in PAGES.iter().filter(|page| page.starts_with("/debug/")) {
        let answer = caller.get(page).await;
        assert_eq!((answer.status.as_u16(), origin.counts().requests), (200, 0), "{page}");
        for field in ["x-forwarded-for", "forwarded"] {
            let fields = [("host", "localhost"), (field, "for=192.0.2.1")];
            let answer = ask(&mut caller, "GET", page, &fields).await;
            assert_eq!((answer.status.as_u16(), origin.counts().requests), (403, 0), "{page} {field}");
        }
    }
    // This port has names of its own.
    let fields = [("host", "api.example.com")];
    assert_eq!(ask(&mut caller, "GET", "/debug/ping", &fields).await.status, 200);
    for routed in ["/debugger", "/debugger/ping", "/metrics", "/livez"] {
        assert_eq!(caller.get(routed).await.json()["target"], routed);
    }
}

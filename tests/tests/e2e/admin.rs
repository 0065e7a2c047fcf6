//! The admin port, and the debug pages on the data port with `-debug`.

use gateway_tests::{Answer, Caller, Format, Gateway, Origin, Script, empty, table, within};
use http::Request;

const PAGES: [&str; 19] = [
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
];

fn config(origin: &Origin) -> String {
    format!("version = \"7\"\n{}", table("/users/{id}", "id = \"users\"", &[origin.address()]))
}

async fn started() -> (Origin, Gateway, Caller) {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = Gateway::start(&config(&origin), Format::Toml).await;
    let admin = Caller::http1(gateway.admin()).await;
    (origin, gateway, admin)
}

async fn ask(caller: &mut Caller, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
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
    assert!(admin.get("/debug/").await.text().contains("/debug/config/"));
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

#[track_caller]
fn check_exposition(text: &str) {
    let mut families = std::collections::HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(rest.split(' ').next().unwrap()), "twice: {line}");
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(matches!(value, "+Inf" | "-Inf" | "NaN") || value.parse::<f64>().is_ok(), "{line}");
        let name = sample.split('{').next().unwrap();
        let parts = ["_bucket", "_sum", "_count"];
        let stem = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        assert!(families.contains(name) || families.contains(stem), "without a type: {line}");
        assert_eq!(sample.contains('{'), sample.ends_with('}'), "{line}");
    }
}

#[tokio::test]
async fn metrics_can_be_read_and_count_by_route() {
    let (_origin, gateway, mut admin) = started().await;
    let before = admin.get("/metrics").await;
    assert!(before.header("content-type").starts_with("text/plain; version=0.0.4"), "{before:?}");
    check_exposition(&before.text());
    let mut caller = Caller::http1(gateway.address()).await;
    for user in ["ann", "bob", "eve"] {
        assert_eq!(caller.get(&format!("/users/{user}")).await.status, 200);
    }
    assert_eq!(caller.get("/nowhere").await.status, 404);
    let text = admin.get("/metrics").await.text();
    check_exposition(&text);
    let count = |wanted: &[&str]| -> f64 {
        let family = "http_server_request_duration_seconds_count{";
        let lines = text.lines().filter(|line| line.starts_with(family));
        let ours = lines.filter(|line| wanted.iter().all(|part| line.contains(part)));
        ours.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    };
    let route = ["endpoint=\"users\"", "http_route=\"/users/{id}\"", "http_response_status_code=\"200\""];
    assert!((count(&route) - 3.0).abs() < 0.1, "{text}");
    assert!((count(&["http_response_status_code=\"404\""]) - 1.0).abs() < 0.1, "{text}");
    assert!(!text.contains("ann") && !text.contains("nowhere"), "a path is no label");
}

/// A name that is known, and a service whose discovery answers nothing but 500.
#[tokio::test]
async fn metrics_tell_how_fresh_addresses_are() {
    let origin = Origin::start("one", Script::Echo).await;
    let consul = Origin::start("consul", Script::Status(500)).await;
    let name = format!("localhost:{}", origin.address().port());
    let config = format!(
        "discovery = {{ dsn = \"consul://{}\" }}\n\
         [[endpoints]]\npath = \"/*\"\nbackends = [{{ target = \"{name}\" }}]\n\
         [[endpoints]]\npath = \"/users\"\nbackends = [{{ target = \"discovery:///users\" }}]\n",
        consul.address(),
    );
    let gateway = Gateway::start(&config, Format::Toml).await;
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 200);
    let mut admin = Caller::http1(gateway.admin()).await;
    let failing = async {
        loop {
            let text = admin.get("/metrics").await.text();
            if text.contains("gateway_discovery_failing{service=\"users\"} 1\n") {
                return text;
            }
        }
    };
    let text = within("the failure is seen", failing).await;
    check_exposition(&text);
    for sample in [
        format!("gateway_discovery_failing{{service=\"{name}\"}} 0\n"),
        format!("gateway_discovery_instances{{service=\"{name}\",state=\"present\"}} 1\n"),
        format!("gateway_discovery_instances{{service=\"{name}\",state=\"held\"}} 0\n"),
        format!("gateway_discovery_last_success_age_seconds{{service=\"{name}\"}} "),
    ] {
        assert!(text.contains(&sample), "{sample} in\n{text}");
    }
    assert!(
        !text.contains("gateway_discovery_instances{service=\"users\""),
        "nothing is known of it: {text}"
    );
}

/// The end of each certificate that new connections get, and of no other.
#[tokio::test]
async fn metrics_tell_when_certificates_end() {
    const END: &str = "gateway_tls_certificate_not_after_timestamp_seconds{";
    let origin = Origin::start("one", Script::Echo).await;
    let authority = gateway_tests::Authority::default();
    let config = |version: usize, names: &[&str]| {
        let identities = names.iter().map(|name| authority.identity(&[name]));
        let certificates: String = identities
            .map(|identity| {
                format!("{{ cert = '''\n{}''', key = '''\n{}''' }},", identity.cert, identity.key)
            })
            .collect();
        format!(
            "version = \"{version}\"\n\
             listeners = [{{ name = \"web\", address = \"127.0.0.1:0\", certificates = [{certificates}] }}]\n{}",
            table("/*", "", &[origin.address()]),
        )
    };
    let gateway = Gateway::start(&config(1, &["one.test", "two.test"]), Format::Toml).await;
    let mut admin = Caller::http1(gateway.admin()).await;
    let text = admin.get("/metrics").await.text();
    check_exposition(&text);
    let shown: Vec<String> = text.lines().filter(|line| line.starts_with(END)).map(str::to_owned).collect();
    for name in ["one.test", "two.test"] {
        let of =
            |line: &&String| line.contains(&format!("listener=\"web\",server_name=\"{name}\",serial=\""));
        let line = shown.iter().find(of).unwrap_or_else(|| panic!("{name} in {shown:?}"));
        // What the test's certificates say: the year 4096.
        assert!(line.ends_with(" 67090118400"), "{line}");
    }
    assert_eq!(shown.len(), 2, "{shown:?}");
    gateway.rewrite(&config(2, &["one.test"]));
    gateway.live("2").await;
    let text = admin.get("/metrics").await.text();
    let renewed: Vec<&str> = text.lines().filter(|line| line.starts_with(END)).collect();
    assert!(
        matches!(renewed[..], [line] if line.contains("one.test") && !shown.iter().any(|old| old == line))
    );
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

/// Every family in the scrape is documented with its labels, process ones aside, and so is every one that a crate declares,
/// whether or not this configuration brings it about. No name is declared twice.
#[tokio::test]
async fn every_metric_is_documented() {
    let origin = Origin::start("one", Script::Echo).await;
    let gateway = Gateway::start(&table("/*", "", &[origin.address()]), Format::Toml).await;
    Caller::http1(gateway.address()).await.get("/").await;
    let text = Caller::http1(gateway.admin()).await.get("/metrics").await.text();
    let page = std::fs::read_to_string(gateway_tests::root().join("docs/observability.md")).unwrap();
    let row =
        |name: &str| page.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
    let scraped = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let declared = declared_families();
    let missing: Vec<_> = scraped
        .chain(declared.iter().map(String::as_str))
        .filter(|name| !name.starts_with("process_") && row(name).is_none())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, labels)) = line.split_once('{') else { continue };
        let parts = ["_bucket", "_sum", "_count"];
        let stem = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        let row = row(stem).or_else(|| row(name)).unwrap_or_default();
        for label in
            labels.split("\",").filter_map(|pair| pair.split("=\"").next()).filter(|name| *name != "le")
        {
            assert!(row.contains(&format!("`{label}`")), "{label} of {stem} is not in {row:?}");
        }
    }
}

/// The names of the families that the crates declare, each checked as `promtool check metrics` would.
fn declared_families() -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![gateway_tests::root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("tests") || path.ends_with("tests.rs") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for (kind, total) in [("CounterFamily {", true), ("GaugeFamily {", false)] {
                    for (at, _) in text.match_indices(kind) {
                        let Some(name) = text[at + kind.len()..].trim_start().strip_prefix("name: \"") else {
                            continue;
                        };
                        let name = name.split('"').next().unwrap();
                        assert_eq!(name.ends_with("_total"), total, "{name} in {}", path.display());
                        assert!(name.starts_with("gateway_"), "{name} in {}", path.display());
                        names.push(name.to_owned());
                    }
                }
            }
        }
    }
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "a name is declared twice: {names:?}");
    names
}

/// The names of the Go gateway, on its port, but not through a proxy; a misspelt name is an error that says which there are.
#[tokio::test]
async fn metrics_under_other_names_are_on_the_data_port_too() {
    const HOST: [(&str, &str); 1] = [("host", "localhost")];
    let (origin, gateway, _admin) = started().await;
    let said = gateway.logged("where the metrics are", |line| line.contains("\"data_port\":false")).await;
    assert!(said.contains(&format!("\"admin\":\"{}\"", gateway.admin())), "{said}");
    assert_eq!(Caller::http1(gateway.address()).await.get("/metrics").await.status, 404);

    let config = format!("compat_metrics = [\"kratos\", \"blademaster\"]\n{}", config(&origin));
    let gateway = Gateway::start(&config, Format::Toml).await;
    gateway.logged("where the metrics are", |line| line.contains("\"data_port\":true")).await;
    let mut caller = Caller::http1(gateway.address()).await;
    caller.get("/users/ann").await;
    for n in 0..20 {
        ask(&mut caller, &format!("METHOD{n}"), &format!("/hostile/{n}"), &HOST).await;
        ask(&mut caller, &format!("METHOD{n}"), &format!("/users/hostile{n}"), &HOST).await;
    }
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(ask(&mut caller, method, "/metrics", &HOST).await.status, 200, "{method}");
    }
    let text = caller.get("/metrics").await.text();
    check_exposition(&text);
    let labels =
        "basePath=\"\",code=\"200\",method=\"GET\",path=\"/users/{id}\",protocol=\"HTTP\",service=\"\"";
    let sample = |line: &str| {
        let Some((name, rest)) = line.split_once('{') else { return false };
        let (pairs, value) = rest.split_once("} ").unwrap();
        let mut pairs: Vec<_> = pairs.split(',').collect();
        pairs.sort_unstable();
        name == "go_gateway_requests_code_total" && pairs.join(",") == labels && value == "1"
    };
    assert!(text.lines().any(sample), "{text}");
    assert!(!text.contains("ann") && !text.contains("hostile") && !text.contains("METHOD"), "{text}");
    assert!(text.contains("http_server_requests_duration_ms_bucket{"), "{text}");
    for field in ["x-forwarded-for", "forwarded"] {
        let answer = ask(&mut caller, "GET", "/metrics", &[HOST[0], (field, "for=192.0.2.1")]).await;
        assert_eq!(answer.status, 403, "{field}");
    }
    assert_eq!(caller.get("/metrics2").await.status, 404);
    gateway.rewrite(&config.replace("kratos", "cratos"));
    let said = gateway.logged("the mistake", |line| line.contains("cratos")).await;
    assert!(said.contains("did you mean `kratos`"), "{said}");
}

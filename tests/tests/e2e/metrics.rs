//! The scrape: that it can be read, what it counts, that each name is documented, and other gateways' names.

use gateway_tests::{Caller, Format, Gateway, Origin, Script, empty, table, within};

use crate::admin::{ask, config, started};

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
    let source = admin.get("/debug/watcher/source?service=users").await.json();
    assert_eq!(source["asked"], format!("http://{}", consul.address()), "{source}");
    assert!(source["error"].as_str().unwrap().contains("500"), "{source}");
    assert_eq!((&source["index"], source["requests"].as_u64() > Some(0)), (&0.into(), true), "{source}");
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
    let labels = "id = \"users\"\nmetadata = { service = \"shop\", basePath = \"/users\" }";
    // An endpoint of that path is hidden.
    let config = config.replace("id = \"users\"", labels) + &table("/metrics", "", &[origin.address()]);
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
    let labels = "basePath=\"/users\",code=\"200\",method=\"GET\",path=\"/users/{id}\",protocol=\"HTTP\",service=\"shop\"";
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

/// The value of the only sample of this name that has these labels.
#[track_caller]
fn value(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labelled =
        |line: &&str| labels.iter().all(|(key, value)| line.contains(&format!("{key}=\"{value}\"")));
    let of_name = text.lines().filter(|line| line.split('{').next() == Some(name));
    let found: Vec<_> = of_name.filter(labelled).collect();
    let [line] = found[..] else { panic!("{name} {labels:?}: {found:?} in\n{text}") };
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

/// Where no route is, the global chain still stands before the refusal. What its middlewares answer is a request without a route
/// with the status that was sent, under the original's names too; what they refused has, as there, no endpoint to count for.
#[tokio::test]
async fn what_the_global_chain_answers_where_no_route_is_is_counted() {
    let backup = Origin::start("backup", Script::Held).await;
    let chain = format!(
        "compat_metrics = [\"kratos\", \"blademaster\"]\n\
         [[middlewares]]\nname = \"bbr\"\noptions = {{ cpu_threshold = 0 }}\n\
         [[middlewares]]\nname = \"circuitbreaker\"\noptions = {{ ratio = 0, backup_service = \
         {{ endpoint = {{ backends = [{{ target = \"{}\" }}] }} }} }}\n",
        backup.address()
    );
    let config = chain + &table("/only", "methods = [\"GET\"]", &[backup.address()]);
    let gateway = Gateway::start(&config, Format::Toml).await;
    let address = gateway.address();
    let mut held = tokio::task::JoinSet::new();
    for (method, path) in [("GET", "/nowhere"), ("POST", "/only")] {
        held.spawn(async move {
            let mut caller = Caller::http1(address).await;
            let request = caller.request(method, path).body(empty()).unwrap();
            caller.call(request).await.status.as_u16()
        });
    }
    backup.record().wait("the backup has both", |counts| counts.requests == 2).await;
    let mut caller = Caller::http1(address).await;
    assert_eq!(caller.get("/nowhere").await.status, 429, "bbr lets two be in flight");
    backup.record().release();
    assert_eq!(held.join_all().await, [200, 200]);

    let text = Caller::http1(gateway.admin()).await.get("/metrics").await.text();
    check_exposition(&text);
    let none = [("endpoint", "-")];
    for (name, count) in [("gateway_circuit_breaker_denied_total", 2.0), ("gateway_bbr_dropped_total", 1.0)] {
        assert_eq!(value(&text, name, &none), count, "{name}");
    }
    let ours =
        |status| [("http_route", "-"), ("http_response_status_code", status), ("http_request_method", "GET")];
    let durations = "http_server_request_duration_seconds_count";
    assert_eq!([value(&text, durations, &ours("429")), value(&text, durations, &ours("200"))], [1.0, 1.0]);
    let theirs = |method, status| [("path", "/404"), ("method", method), ("code", status)];
    for (method, status) in [("GET", "429"), ("GET", "200"), ("POST", "200")] {
        assert_eq!(value(&text, "go_gateway_requests_code_total", &theirs(method, status)), 1.0);
    }
    let unrouted = |line: &&str| line.contains("path=\"/404\"") || line.contains("path=\"-\"");
    assert_eq!(text.lines().filter(unrouted).count(), 3, "{text}");
}

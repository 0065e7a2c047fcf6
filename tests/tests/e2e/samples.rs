//! Every file in `config/` is valid as it stands, and serves: only addresses are replaced, those of its upstreams by
//! running ones and those that it listens on by free ones.

use std::net::SocketAddr;

use gateway_tests::grpc::{GrpcCaller, GrpcOrigin};
use gateway_tests::{
    Answer, Authority, Body, Caller, Collector, Format, Gateway, Origin, Page, Script, command, empty, full,
    root, run, within,
};
use http::Request;

/// Each has a test of its own below.
const FILES: [&str; 5] =
    ["gateway.toml", "kratos-full.toml", "kratos-full.yaml", "kratos-helloworld.yaml", "minimal.toml"];

#[tokio::test]
async fn every_file_is_valid_as_it_stands() {
    let entries = std::fs::read_dir(root().join("config")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, FILES);
    for name in FILES {
        let file = root().join("config").join(name);
        let ran = run(command(&["validate", file.to_str().unwrap()])).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(ran.stdout.contains(": ok, "), "{}", ran.stdout);
    }
}

/// The text of a sample with other addresses.
fn sample(name: &str, upstreams: &[(&str, SocketAddr)]) -> String {
    let text = std::fs::read_to_string(root().join("config").join(name)).unwrap();
    running(name, text, upstreams)
}

/// In two steps: an address that runs may begin with one that is written, as `127.0.0.1:43181` does.
fn running(name: &str, mut text: String, upstreams: &[(&str, SocketAddr)]) -> String {
    let mark = |place: usize| format!("<{place}>");
    for (place, (written, _)) in upstreams.iter().enumerate() {
        assert!(
            text.contains(&format!("\"{written}\"")) || text.contains(&format!("target: {written}\n")),
            "{written} is in {name}"
        );
        text = text.replace(written, &mark(place));
    }
    text = text.replace("127.0.0.1:8080", "127.0.0.1:0").replace("127.0.0.1:9901", "127.0.0.1:0");
    for (place, (written, running)) in upstreams.iter().enumerate() {
        let running = match written.split_once(':').unwrap() {
            ("localhost", _) => format!("localhost:{}", running.port()),
            _ => running.to_string(),
        };
        text = text.replace(&mark(place), &running);
    }
    text
}

fn ask(method: &str, host: &str, target: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let start = Request::builder().method(method).uri(target).header("host", host);
    let builder = fields.iter().fold(start, |builder, (name, value)| builder.header(*name, *value));
    builder.body(empty()).unwrap()
}

/// Which origin answered, and the target that it saw.
#[track_caller]
fn seen(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let echo = answer.json();
    let text = |key: &str| echo[key].as_str().unwrap().to_owned();
    (text("origin"), text("target"))
}

#[track_caller]
fn check(answer: &Answer, origin: &str, target: &str) {
    assert_eq!(seen(answer), (origin.to_owned(), target.to_owned()));
}

/// Every endpoint that the gateway has took a request.
async fn check_all_used(gateway: &Gateway) {
    let mut admin = Caller::http1(gateway.admin()).await;
    let inspected = admin.get("/debug/proxy/router/inspect").await.json();
    let metrics = admin.get("/metrics").await.text();
    let routes = inspected["routes"].as_array().unwrap();
    assert!(!routes.is_empty());
    for route in routes {
        let label = format!("endpoint={}", route["endpoint"]);
        let counted = |line: &&str| {
            line.starts_with("http_server_request_duration_seconds_count{") && line.contains(&label)
        };
        assert!(metrics.lines().any(|line| counted(&line)), "no request of {label} in\n{metrics}");
    }
}

#[tokio::test]
async fn the_minimal_one_serves() {
    let origin = Origin::start("one", Script::Echo).await;
    let config = sample("minimal.toml", &[("127.0.0.1:8000", origin.address())]);
    // A proxy of the environment has no say in what is on this machine.
    let proxy = |command: &mut tokio::process::Command| {
        command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    };
    let gateway = Gateway::start_with(&config, Format::Toml, proxy).await;
    let mut caller = Caller::http1(gateway.address()).await;
    check(&caller.get("/").await, "one", "/");
    check(&caller.get("/any/path?q=1").await, "one", "/any/path?q=1");
    check_all_used(&gateway).await;
}

/// The page for those who switch shows it, and the same in TOML.
#[tokio::test]
async fn the_one_of_the_go_gateway_serves_in_both_descriptions() {
    let page = Page::read("docs/migrate/kratos.md");
    let file = std::fs::read_to_string(root().join("config/kratos-helloworld.yaml")).unwrap();
    let [yaml, toml] = [&page.blocks_of("yaml")[0], &page.blocks_of("toml")[0]];
    for (text, format) in [(&file, Format::Yaml), (yaml, Format::Yaml), (toml, Format::Toml)] {
        helloworld(text, format).await;
    }
}

async fn helloworld(text: &str, format: Format) {
    let (http, grpc) = (Origin::start("one", Script::Echo).await, GrpcOrigin::start().await);
    let upstreams = [("127.0.0.1:8000", http.address()), ("127.0.0.1:9000", grpc.address())];
    let gateway = Gateway::start(&running("the page", text.to_owned(), &upstreams), format).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let request = ask("GET", "localhost", "/helloworld/kratos", &[("origin", "https://app.example.com")]);
    let answer = caller.call(request).await;
    check(&answer, "one", "/helloworld/kratos");
    assert_eq!(answer.header("x-served-by"), "gateway");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
    assert_ne!(answer.header("x-request-id"), "");
    let request = ask("GET", "elsewhere", "/helloworld/kratos", &[]);
    assert_eq!(caller.call(request).await.status, 404);
    let mut caller = GrpcCaller::connect(gateway.address()).await;
    let answer = caller.unary("/helloworld.v1.Greeter/Unary", b"hello", &[]).await;
    assert_eq!((answer.status(), answer.messages.as_slice()), (0, &[b"hello"[..].into()][..]));
    check_all_used(&gateway).await;
}

#[tokio::test]
async fn the_full_one_of_the_go_gateway_serves_in_both_descriptions() {
    full_example("kratos-full.yaml", Format::Yaml).await;
    full_example("kratos-full.toml", Format::Toml).await;
}

/// The first upstream answers once and then fails.
async fn full_example(name: &str, format: Format) {
    let failing = |number| if number == 0 { Script::Echo } else { Script::Status(503) };
    let http = Origin::start("one", Script::Each(std::sync::Arc::new(failing))).await;
    let backup = Origin::start("backup", Script::Echo).await;
    let (grpc, collector) = (GrpcOrigin::start().await, Collector::start().await);
    let upstreams = [
        ("127.0.0.1:8000", http.address()),
        ("127.0.0.1:8001", backup.address()),
        ("127.0.0.1:9000", grpc.address()),
        ("127.0.0.1:4318", collector.address()),
    ];
    let mut gateway = Gateway::start(&sample(name, &upstreams), format).await;
    let mut caller = Caller::http1(gateway.address()).await;
    let from = [("origin", "https://app.example.com")];
    let answer = caller.call(ask("GET", "localhost", "/helloworld/kratos", &from)).await;
    check(&answer, "one", "/helloworld/kratos");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
    let opens = async {
        loop {
            let answer = caller.call(ask("GET", "localhost", "/helloworld/kratos", &[])).await;
            if answer.status == 200 {
                return answer;
            }
            assert_eq!(answer.status, 503, "{answer:?}");
        }
    };
    check(&within("the breaker opens", opens).await, "backup", "/helloworld/kratos");

    let request = caller.request("POST", "/helloworld.v1.Greeter/Unary");
    let request = request.header("content-type", "application/json").body(full("{}")).unwrap();
    let answer = caller.call(request).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{}"), "{answer:?}");
    let mut native = GrpcCaller::connect(gateway.address()).await;
    let answer = native.unary("/helloworld.v1.Greeter/Unary", b"hello", &[]).await;
    assert_eq!((answer.status(), answer.messages.as_slice()), (0, &[b"hello"[..].into()][..]));
    check_all_used(&gateway).await;
    within("the access log", gateway.printed(|line| line.contains("/helloworld/kratos"), 2)).await;
    // The first is empty: it tells whether a collector is there.
    collector.exports(2).await;
}

/// The upstreams of the tour, and the gateway before them.
struct Tour {
    gateway: Gateway,
    caller: Caller,
    _http: [Origin; 3],
    _grpc: GrpcOrigin,
    _roots: tempfile::NamedTempFile,
}

/// The first upstream is unavailable for its first answer. The authority of the one with TLS stands among the system's.
async fn tour() -> Tour {
    let authority = Authority::default();
    let roots = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&roots, authority.pem()).unwrap();
    let identity = authority.identity(&["orders.internal"]);
    let http = [
        Origin::start("one", Script::failing(1, 503)).await,
        Origin::start("two", Script::Echo).await,
        Origin::start_tls("inner", Script::Echo, &identity).await,
    ];
    let grpc = GrpcOrigin::start().await;
    let upstreams = [
        ("127.0.0.1:8000", http[0].address()),
        ("127.0.0.1:8001", http[1].address()),
        ("localhost:8443", http[2].address()),
        ("127.0.0.1:9000", grpc.address()),
    ];
    let trust = |command: &mut tokio::process::Command| {
        command.env("SSL_CERT_FILE", roots.path()).env_remove("SSL_CERT_DIR");
    };
    let gateway = Gateway::start_with(&sample("gateway.toml", &upstreams), Format::Toml, trust).await;
    let caller = Caller::http1(gateway.named("plain")).await;
    Tour { gateway, caller, _http: http, _grpc: grpc, _roots: roots }
}

#[tokio::test]
async fn the_tour_serves() {
    let mut tour = tour().await;
    let caller = &mut tour.caller;
    let answer = caller.call(ask("GET", "localhost", "/helloworld/ann", &[])).await;
    check(&answer, "one", "/helloworld/ann");

    let mut origins = Vec::new();
    for _ in 0..4 {
        let answer = caller.call(ask("PUT", "any", "/api/items?q=1", &[])).await;
        let (origin, target) = seen(&answer);
        assert_eq!((target.as_str(), answer.echoed("x-gateway").concat().as_str()), ("/items?q=1", "tour"));
        let host = if origin == "two" { "api.internal" } else { "any" };
        assert_eq!(answer.echoed("host"), [host]);
        origins.push(origin);
    }
    origins.sort();
    assert_eq!(origins, ["one", "one", "one", "two"]);

    let answer = caller.call(ask("GET", "any", "/sessions/0af", &[("cookie", "session=1")])).await;
    check(&answer, "one", "/sessions/0af");
    let answer = caller.call(ask("GET", "any", "/sessions/none", &[])).await;
    assert_eq!(answer.status, 404);
    for host in ["api.example.com", "shop.EXAMPLE.com:8080"] {
        let (origin, target) = seen(&caller.call(ask("GET", host, "/orders/7", &[])).await);
        assert!(origin == "inner" && target.ends_with("/orders/7"), "{origin} {target}");
    }
    let from = [("origin", "https://app.example.com")];
    let answer = caller.call(ask("GET", "any", "/events", &from)).await;
    check(&answer, "one", "/events");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
    assert_ne!(answer.header("x-request-id"), "");

    let mut grpc = GrpcCaller::connect(tour.gateway.address()).await;
    let answer = grpc.unary("/helloworld.Greeter/Unary", b"hello", &[]).await;
    assert_eq!((answer.status(), answer.messages.as_slice()), (0, &[b"hello"[..].into()][..]));
    check_all_used(&tour.gateway).await;
}

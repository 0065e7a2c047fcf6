//! Upstreams behind a forward proxy, which the environment names.

use gateway_tests::{Caller, Collector, Format, Gateway, Origin, RawOrigin, Script, Step, command, run};

/// A name that is nobody's: only a proxy can answer for it (RFC 6761 §6.4).
const CONFIG: &str = "[[endpoints]]\npath = \"/*\"\nbackends = [{ target = \"orders.invalid:80\" }]\n";

fn answering(text: &str) -> Vec<Step> {
    vec![Step::Head, Step::Write(text.as_bytes().to_vec())]
}

async fn behind(proxy: &RawOrigin, config: &str) -> Gateway {
    let url = format!("http://me:secret@{}", proxy.address());
    Gateway::start_with(config, Format::Toml, |command| {
        command.env("http_proxy", url).env("NO_PROXY", "a.invalid");
    })
    .await
}

#[tokio::test]
async fn a_name_that_only_the_proxy_knows_is_reached_and_its_password_is_shown_nowhere() {
    let proxy = RawOrigin::start(&answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")).await;
    let gateway = behind(&proxy, CONFIG).await;
    let answer = Caller::http1(gateway.address()).await.get("/path?q=1").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "hello"));
    let head = String::from_utf8(proxy.received().concat()).unwrap();
    assert!(head.starts_with("GET http://orders.invalid/path?q=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: orders.invalid\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");

    let mut admin = Caller::http1(gateway.admin()).await;
    let clients = admin.get("/debug/clients/inspect").await.text();
    assert!(clients.contains(&format!("\"http://{}\"", proxy.address())), "{clients}");
    let log = gateway.log();
    assert!(log.contains("a forward proxy leads to upstreams"), "{log}");
    for page in ["/debug/config/inspect", "/debug/proxy/router/inspect", "/debug/watcher/services"] {
        let text = admin.get(page).await.text();
        assert!(!text.contains("secret") && !text.contains("bWU6"), "{page}: {text}");
    }
    assert!(![clients, log].iter().any(|text| text.contains("secret") || text.contains("bWU6")));
}

#[tokio::test]
async fn what_the_proxy_refuses_is_a_502_and_the_log_says_what_it_said() {
    let proxy = RawOrigin::start(&answering("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")).await;
    let config = format!(
        "[tls_store.up]\ninsecure = true\n{}",
        CONFIG.replace("invalid:80\"", "invalid:443\", tls = true, tls_config_name = \"up\"")
    );
    let url = format!("http://{}", proxy.address());
    let gateway = Gateway::start_with(&config, Format::Toml, |command| {
        command.env("HTTPS_PROXY", url).env("NO_PROXY", "10.0.0.0/33");
    })
    .await;
    let answer = Caller::http1(gateway.address()).await.get("/").await;
    assert_eq!(answer.status, 502, "{answer:?}");
    let notice = "NO_PROXY: \\\"10.0.0.0/33\\\" is no host";
    gateway.logged("an entry that matches nothing", |line| line.contains(notice)).await;
    let said = "answers CONNECT orders.invalid:443 with 403 Forbidden";
    gateway.logged("what the proxy said", |line| line.contains("WARN") && line.contains(said)).await;
}

/// As `localhost` and loopback addresses are reached, and what `NO_PROXY` names.
#[tokio::test]
async fn this_machine_is_reached_directly() {
    let (origin, proxy) = (Origin::start("one", Script::Echo).await, RawOrigin::start(&[]).await);
    let port = origin.address().port();
    for target in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let gateway = behind(&proxy, &CONFIG.replace("orders.invalid:80", &target)).await;
        assert_eq!(Caller::http1(gateway.address()).await.get("/").await.json()["origin"], "one");
    }
    let gateway = behind(&proxy, &CONFIG.replace("orders", "b.a")).await;
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 503, "no such name");
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_ends_the_start_with_2_and_the_name_of_its_variable() {
    for (variable, url, part) in [
        ("HTTP_PROXY", "socks5://me:secret@127.0.0.1:1", "SOCKS"),
        ("https_proxy", "https://me:secret@127.0.0.1:1", "TLS"),
        ("HTTPS_PROXY", "http://me:secret@:1", "not the URL"),
        ("HTTP_PROXY", "http//me:secret@127.0.0.1:1", "not the URL"),
    ] {
        let mut command = command(&["-conf", "none.toml"]);
        command.env(variable, url);
        let ran = run(command).await;
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(variable) && ran.stderr.contains(part), "{ran:?}");
        assert!(!ran.stderr.contains("secret"), "{ran:?}");
    }
}

#[tokio::test]
async fn consul_is_asked_directly() {
    let nobody = "HTTP/1.1 200 OK\r\nx-consul-index: 1\r\ncontent-length: 2\r\n\r\n[]";
    let (consul, proxy) = (RawOrigin::start(&answering(nobody)).await, RawOrigin::start(&[]).await);
    let url = format!("http://{}", proxy.address());
    let config = CONFIG.replace("orders.invalid:80", "discovery:///orders");
    let gateway = Gateway::start_with(&config, Format::Toml, |command| {
        command.arg(format!("-discovery.dsn=consul://{}", consul.address())).env("HTTP_PROXY", url);
    })
    .await;
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 503);
    let asked = String::from_utf8(consul.received().concat()).unwrap();
    assert!(asked.starts_with("GET /v1/health/service/orders"), "{asked}");
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn the_control_service_and_the_collector_are_asked_directly() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (control, proxy) = (RawOrigin::start(&answering(busy)).await, RawOrigin::start(&[]).await);
    let collector = Collector::start().await;
    let config = format!(
        "middlewares:\n- name: tracing\n  options: {{ httpEndpoint: '{}', insecure: true }}\n\
         endpoints:\n- path: /*\n  backends: [{{target: 'orders.invalid:80'}}]\n",
        collector.address()
    );
    let url = format!("http://{}", proxy.address());
    let _gateway = Gateway::start_with(&config, Format::Yaml, |command| {
        command.arg(format!("-ctrl.service=http://{}", control.address()));
        for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY"] {
            command.env(variable, &url);
        }
    })
    .await;
    collector.exports(1).await;
    let asked = String::from_utf8(control.received().concat()).unwrap();
    assert!(asked.starts_with("GET /") && asked.contains("HTTP/1.1\r\n"), "{asked}");
    assert_eq!(proxy.connections(), 0);
}

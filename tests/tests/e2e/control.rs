//! The control service: a real server that sends configurations, and the gateways that take them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_tests::{
    Answer, Caller, Format, Gateway, Load, Origin, Received, Script, command, empty, full, run, table,
};
use http::Response;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// What the service has: a release or none, and the feature gates or the status of their page.
#[derive(Default)]
struct Content {
    release: Option<Value>,
    features: Value,
}

/// A control service as the original's clients know it.
struct Service {
    origin: Origin,
    content: Arc<Mutex<Content>>,
}

impl Service {
    async fn start(release: Option<Value>) -> Self {
        let content = Arc::new(Mutex::new(Content { release, features: json!({}) }));
        let shared = Arc::clone(&content);
        let respond = move |asked: &Received| answer(&shared.lock(), &asked.target);
        let origin = Origin::start("control", Script::Respond(Arc::new(respond))).await;
        Self { origin, content }
    }

    fn url(&self) -> String {
        format!("http://{}", self.origin.address())
    }

    fn release(&self, release: Value) {
        self.content.lock().release = Some(release);
    }

    /// The queries of the release page, as sent.
    fn asked(&self) -> Vec<String> {
        let received = self.origin.received();
        let queries = received.iter().filter_map(|asked| asked.target.strip_prefix(RELEASE));
        queries.map(str::to_owned).collect()
    }
}

const RELEASE: &str = "/v1/control/gateway/release?";
const FEATURES: &str = "/v1/control/gateway/features?";

/// 304 if the gateway has the release's versions, all of them.
fn answer(content: &Content, target: &str) -> Response<gateway_tests::Body> {
    let respond = |status: u16, body| Response::builder().status(status).body(body).unwrap();
    if target.starts_with(FEATURES) {
        if let Some(status) = content.features.as_u64() {
            return respond(status.try_into().unwrap(), empty());
        }
        return respond(200, full(json!({ "gateway": "edge", "features": content.features }).to_string()));
    }
    let (Some(query), Some(release)) = (target.strip_prefix(RELEASE), &content.release) else {
        return respond(503, empty());
    };
    let has = |name: &str, value: &str| query.split('&').any(|pair| pair == format!("{name}={value}"));
    let items = release["priorityConfigs"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut versions: Vec<_> =
        items.map(|item| format!("{}%3D{}", text(&item["key"]), text(&item["version"]))).collect();
    versions.sort();
    if has("last_version", &text(&release["version"])) && has("lastPriorityVersions", &versions.join("%2C")) {
        return respond(304, empty());
    }
    respond(200, full(release.to_string()))
}

fn endpoint(path: &str, backend: SocketAddr) -> Value {
    json!({ "path": path, "backends": [{ "target": backend.to_string() }] })
}

fn release(version: &str, endpoints: &[Value], items: &[(&str, Value)]) -> Value {
    let items = items.iter().map(|(key, endpoint)| {
        let config = json!({ "endpoints": [endpoint] }).to_string();
        json!({ "key": key, "version": format!("{version}-{key}"), "config": config })
    });
    let config = json!({ "version": version, "endpoints": endpoints }).to_string();
    json!({ "config": config, "version": version, "priorityConfigs": items.collect::<Vec<_>>() })
}

/// A gateway with a last good copy of version `copy`, a priority directory and these services.
struct Place {
    _folder: TempDir,
    directory: PathBuf,
    gateway: Gateway,
}

impl Place {
    async fn start(services: &str, upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("priority");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("own.toml"), table("/own", "", &[upstream])).unwrap();
        let copy = json!({ "version": "copy", "endpoints": [endpoint("/copy", upstream)] }).to_string();
        let options = |command: &mut Command| {
            command.args(["-ctrl.service", services, "-ctrl.name", "edge", "-conf.priority"]).arg(&directory);
            command.env("ADVERTISE_ADDR", "192.0.2.1");
        };
        let gateway = Gateway::start_with(&copy, Format::Yaml, options).await;
        Self { _folder: folder, directory, gateway }
    }

    /// Has the gateway ask now.
    async fn load(&self) -> Answer {
        Caller::http1(self.gateway.admin()).await.post("/debug/ctrl/load", empty()).await
    }

    async fn inspect(&self) -> Value {
        Caller::http1(self.gateway.admin()).await.get("/debug/ctrl/inspect").await.json()
    }

    async fn status(&self, path: &str) -> u16 {
        Caller::http1(self.gateway.address()).await.get(path).await.status.as_u16()
    }

    /// The files of the priority directory that are no secret of the gateway's.
    fn files(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }
}

#[tokio::test]
async fn releases_are_taken_under_load_and_fail_no_request() {
    let upstream = Origin::start("one", Script::Echo).await;
    let to = |path: &str| endpoint(path, upstream.address());
    let service =
        Service::start(Some(release("1", &[to("/load")], &[("a", to("/a")), ("b", to("/b"))]))).await;
    let place = Place::start(&service.url(), upstream.address()).await;
    place.gateway.live("1").await;
    assert_eq!(
        [place.status("/a").await, place.status("/own").await, place.status("/copy").await],
        [200, 200, 404]
    );
    assert_eq!(
        service.asked()[0],
        "gateway=edge&ip_addr=192.0.2.1&last_version=&supportPriorityConfig=1&lastPriorityVersions="
    );
    let load = Load::start(place.gateway.address(), 2, "/load");
    for version in 2..=12 {
        let version = version.to_string();
        service.release(release(&version, &[to("/load"), to(&format!("/v{version}"))], &[("b", to("/b"))]));
        let loaded = place.load().await;
        assert_eq!((loaded.status.as_u16(), loaded.text().trim()), (200, "{}"));
        place.gateway.live(&version).await;
        assert_eq!(place.status(&format!("/v{version}")).await, 200);
    }
    let tally = load.stop().await;
    assert!(tally.failures.is_empty(), "{:?} beside {} answers", tally.failures, tally.ok);
    assert_eq!(
        place.files(),
        ["b.yaml", "own.toml"],
        "what is gone from the release is deleted, and nothing else"
    );
    // All versions are sent back, and nothing changes then.
    assert_eq!(place.load().await.status, 200);
    let last = service.asked().pop().unwrap();
    assert!(
        last.ends_with("last_version=12&supportPriorityConfig=1&lastPriorityVersions=b%3D12-b"),
        "{last}"
    );
    let state = place.inspect().await;
    assert_eq!(
        (&state["version"], &state["hostname"], &state["failures"]),
        (&json!("12"), &json!("edge"), &json!(0))
    );
    let wrong = Caller::http1(place.gateway.admin()).await.get("/debug/ctrl/load").await;
    assert_eq!((wrong.status.as_u16(), wrong.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn its_name_and_address_come_from_the_environment() {
    let upstream = Origin::start("one", Script::Echo).await;
    let service = Service::start(Some(release("1", &[endpoint("/1", upstream.address())], &[]))).await;
    let copy = json!({ "version": "copy", "endpoints": [] }).to_string();
    let gateway = Gateway::start_with(&copy, Format::Yaml, |command| {
        command.args(["-ctrl.service", &service.url()]);
        command.env("ADVERTISE_NAME", "named").env("ADVERTISE_DEVICE", "lo");
    })
    .await;
    gateway.live("1").await;
    let asked = service.asked().remove(0);
    assert!(asked.starts_with("gateway=named&ip_addr=127.0.0.1&"), "{asked}");
}

#[tokio::test]
async fn it_asks_again_by_itself() {
    let upstream = Origin::start("one", Script::Echo).await;
    let to = |path: &str| endpoint(path, upstream.address());
    let service = Service::start(Some(release("1", &[to("/1")], &[]))).await;
    let place = Place::start(&service.url(), upstream.address()).await;
    service.release(release("2", &[to("/2")], &[]));
    place.gateway.live("2").await;
    assert_eq!(place.status("/2").await, 200);
}

#[tokio::test]
async fn a_bad_release_is_refused_with_its_place_and_the_last_good_one_serves() {
    let upstream = Origin::start("one", Script::Echo).await;
    let to = |path: &str| endpoint(path, upstream.address());
    let service = Service::start(Some(release("1", &[to("/1")], &[]))).await;
    let place = Place::start(&service.url(), upstream.address()).await;
    place.gateway.live("1").await;
    let file = PathBuf::from(place.inspect().await["dst_path"].as_str().unwrap());
    let good = std::fs::read_to_string(&file).unwrap();
    let mut late = to("/2");
    late["timeout"] = json!("soon");
    // What decoding finds, what only lowering finds, and what is wrong with a priority item.
    for (bad, at, code) in [
        (release("2", &[late.clone()], &[]), ":10:18", "GW0105"),
        (release("3", &[to("/{x:[}")], &[]), ":9:15", "GW0303"),
        (release("4", &[to("/4")], &[("x", late)]), "priority item x:10:18", "GW0105"),
    ] {
        service.release(bad);
        let refused = place.load().await;
        let text = refused.text();
        assert!(refused.status == 500 && text.contains(at) && text.contains(code), "{at} {code}\n{text}");
        place.gateway.logged("the refusal", |line| line.contains("is refused") && line.contains(code)).await;
        assert_eq!(std::fs::read_to_string(&file).unwrap(), good);
        assert_eq!((place.status("/1").await, place.files()), (200, vec!["own.toml".to_owned()]));
    }
    service.release(release("5", &[to("/5")], &[]));
    assert_eq!(place.load().await.status, 200);
    place.gateway.live("5").await;
}

#[tokio::test]
async fn items_that_leave_the_directory_or_replace_an_operators_file_are_refused() {
    let upstream = Origin::start("one", Script::Echo).await;
    let to = |path: &str| endpoint(path, upstream.address());
    let service = Service::start(Some(release("1", &[to("/1")], &[]))).await;
    let place = Place::start(&service.url(), upstream.address()).await;
    std::fs::write(place.directory.join("mine.yaml"), "{endpoints: []}").unwrap();
    for (key, reason) in
        [("../evil", "is no file name"), ("/tmp/evil", "is no file name"), ("mine", "was not written by")]
    {
        service.release(release("2", &[to("/2")], &[(key, to("/x"))]));
        let refused = place.load().await;
        assert!(refused.status == 500 && refused.text().contains(reason), "{key}: {}", refused.text());
    }
    assert_eq!(std::fs::read_to_string(place.directory.join("mine.yaml")).unwrap(), "{endpoints: []}");
    assert!(
        !place.directory.parent().unwrap().join("evil.yaml").exists()
            && !Path::new("/tmp/evil.yaml").exists()
    );
    assert_eq!([place.status("/1").await, place.status("/2").await], [200, 404]);
}

#[tokio::test]
async fn without_the_service_the_last_copy_serves() {
    let upstream = Origin::start("one", Script::Echo).await;
    let service = Service::start(None).await;
    let url = format!("http://user:secret@{}", service.origin.address());
    let place = Place::start(&url, upstream.address()).await;
    assert_eq!([place.status("/copy").await, place.status("/own").await], [200, 200]);
    let state = place.inspect().await;
    assert!(state["last_error"].as_str().unwrap().contains("status is 503"), "{state}");
    service.release(release("1", &[endpoint("/1", upstream.address())], &[]));
    place.gateway.live("1").await;
    let said = format!("{}{}", place.gateway.log(), place.inspect().await);
    assert!(said.contains("answers again") && !said.contains("secret"), "{said}");
    // Nor is there a gateway without any copy.
    service.origin.kill().await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&["-ctrl.service", &url, "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0"]);
    command.current_dir(folder.path());
    let ran = run(command).await;
    assert!(ran.code == Some(78) && ran.stderr.contains("config.yaml"), "{ran:?}");
}

#[tokio::test]
async fn of_several_services_one_that_answers_is_found() {
    let upstream = Origin::start("one", Script::Echo).await;
    let services = [
        Service::start(Some(release("1", &[endpoint("/1", upstream.address())], &[]))).await,
        Service::start(Some(release("1", &[endpoint("/1", upstream.address())], &[]))).await,
    ];
    let urls = format!("{},{}", services[0].url(), services[1].url());
    let place = Place::start(&urls, upstream.address()).await;
    place.gateway.live("1").await;
    let first = place.inspect().await["ctrl_service_idx"].as_u64().unwrap() as usize;
    services[first].origin.kill().await;
    services[1 - first].release(release("2", &[endpoint("/2", upstream.address())], &[]));
    place.gateway.live("2").await;
    let state = place.inspect().await;
    assert_eq!(state["ctrl_service_idx"], 1 - first);
    assert_eq!(state["next_ctrl_service"], services[1 - first].url());
}

#[tokio::test]
async fn the_service_closes_feature_gates_without_a_reload() {
    let upstream = Origin::start("one", Script::Status(503)).await;
    let mut retried = endpoint("/1", upstream.address());
    retried["retry"] = json!({ "attempts": 3, "conditions": [{ "byStatusCode": "503" }] });
    let service = Service::start(Some(release("1", &[retried], &[]))).await;
    let place = Place::start(&service.url(), upstream.address()).await;
    place.gateway.live("1").await;
    assert_eq!((place.status("/1").await, upstream.counts().requests), (503, 3));
    service.content.lock().features = json!({ "gw:Retry": false, "gw:Nonsense": true });
    assert_eq!(place.load().await.status, 200);
    place.gateway.logged("the notice", |line| line.contains("gw:Nonsense")).await;
    assert_eq!((place.status("/1").await, upstream.counts().requests), (503, 3 + 1));
    for (n, status) in [(1, 304), (2, 404)] {
        service.content.lock().features = json!(status);
        assert_eq!(
            (place.load().await.status.as_u16(), &place.inspect().await["failures"]),
            (200, &json!(0))
        );
        assert_eq!((place.status("/1").await, upstream.counts().requests), (503, 4 + n), "{status}");
    }
    service.content.lock().features = json!({ "gw:Retry": true });
    assert_eq!(place.load().await.status, 200);
    assert_eq!((place.status("/1").await, upstream.counts().requests), (503, 6 + 3));
    assert!(!place.gateway.log().contains("\"reloaded\""), "{}", place.gateway.log());
}

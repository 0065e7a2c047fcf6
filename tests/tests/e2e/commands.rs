//! The command line and the process: exit codes, where the configuration comes from, signals.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use gateway_tests::{Caller, Format, Gateway, Origin, Ran, Script, command, empty, run, table, within};
use tempfile::TempDir;

const OK: Option<i32> = Some(0);
const FAILURE: Option<i32> = Some(1);
pub(super) const USAGE: Option<i32> = Some(2);
pub(super) const CONFIG: Option<i32> = Some(78);
const FREE: &str = "127.0.0.1:0";

/// Has something wrong of each kind: syntax is fine, and then keys, values, references, patterns, options.
const WRONG: &str = r#"
[[endpoints]]
path = "/one"
tiemout = "1s"
timeout = "soon"
backends = [{ target = "127.0.0.1:1", tls = true, tls_config_name = "none" }]

[[endpoints]]
path = "/two/{x:[}"
backends = [{ target = "127.0.0.1:1" }]
middlewares = [{ name = "crs" }, { name = "cors", options = { max_age = true, allow_origins = ["*a.test"], allow_methods = ["G T"] } }]
"#;
/// A part of the complaint about each.
const COMPLAINTS: [&str; 8] =
    ["tiemout", "soon", "none", "/two/{x:[}", "crs", "max_age", "evila.test", "`G T`"];

pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

async fn run_in(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = command(arguments);
    command.current_dir(folder);
    run(command).await
}

pub(super) fn served(version: &str, origin: SocketAddr) -> String {
    format!("version = \"{version}\"\n{}", table("/*", "", &[origin]))
}

pub(super) async fn version(gateway: &Gateway) -> String {
    let page = Caller::http1(gateway.admin()).await.get("/debug/config/version").await.json();
    page["version"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn help_and_version_are_answers() {
    let expect = format!("gateway {}\n", env!("CARGO_PKG_VERSION"));
    for arguments in ["version", "--version", "-version"] {
        let ran = run(command(&[arguments])).await;
        assert_eq!((ran.code, ran.stdout, ran.stderr), (OK, expect.clone(), String::new()), "{arguments}");
    }
    for arguments in [&["--help"][..], &["-help"], &["-h"], &["run", "--help"]] {
        let ran = run(command(arguments)).await;
        assert!(ran.code == OK && ran.stdout.contains("Usage: gateway"), "{arguments:?} {ran:?}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_names_what_is_wrong() {
    for (arguments, named) in [
        (&["-nonsense"][..], "nonsense"),
        (&["fly"], "fly"),
        (&["validate"], "FILE"),
        (&["-workers", "0"], "workers"),
        (&["-drain-delay", "soon"], "soon"),
        (&["run", "-ctrl.service", "localhost:1"], "-ctrl.service"),
        (&["-ctrl.service", "http://localhost:1", "-conf", "ok.toml"], "ok.toml"),
        (&["--discovery.dsn", "consol://localhost"], "-discovery.dsn"),
        (&["validate", "-discovery.dsn=consul://localhost?tokn=x", "ok.toml"], "-discovery.dsn"),
        (&["-feature-gates", "gw:Retyr=true"], "did you mean `gw:Retry`?"),
        (&["-admin", "nowhere", "-conf", "ok.toml", "-addr", FREE], "--admin"),
        (&["-addr", "nowhere", "-conf", "ok.toml"], "--addr"),
    ] {
        let folder = folder(&[("ok.toml", "")]);
        std::fs::write(folder.path().join("ok.toml"), table("/", "", &[([127, 0, 0, 1], 1).into()])).unwrap();
        let ran = run_in(folder.path(), arguments).await;
        assert!(ran.code == USAGE && ran.stderr.contains(named), "{arguments:?} {ran:?}");
    }
}

#[tokio::test]
async fn a_wrong_configuration_ends_with_78_and_all_that_is_wrong() {
    let folder = folder(&[("wrong.toml", WRONG)]);
    for arguments in
        [&["validate", "wrong.toml"][..], &["-conf", "wrong.toml", "-addr", FREE, "-admin", FREE]]
    {
        let ran = run_in(folder.path(), arguments).await;
        assert_eq!(ran.code, CONFIG, "{ran:?}");
        for complaint in COMPLAINTS {
            let said = |line: &str| line.starts_with("error[GW") && line.contains(complaint);
            let shown = ran.stderr.contains(complaint);
            assert!(shown || ran.stderr.lines().any(said), "{arguments:?}: {complaint} in\n{}", ran.stderr);
        }
        assert!(ran.stderr.matches("error[GW").count() >= COMPLAINTS.len(), "{}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}'), "colours are for terminals");
    }
    let ran = run_in(folder.path(), &["-conf", "missing.toml", "-addr", FREE, "-admin", FREE]).await;
    assert!(ran.code == CONFIG && ran.stderr.contains("missing.toml"), "{ran:?}");
}

#[tokio::test]
async fn a_wrong_discovery_ends_with_78_and_its_place() {
    let with = |dsn: &str| {
        format!(
            "[discovery]\n{dsn}\n[[endpoints]]\npath = \"/\"\nbackends = [{{ target = \"discovery:///users\" }}]\n"
        )
    };
    for (dsn, code, place) in [
        ("", "GW0310", "wrong.toml:5:"),
        ("dsn = \"\"", "GW0310", "wrong.toml:5:"),
        ("dsn = \"consol://127.0.0.1\"", "GW0311", "wrong.toml:2:7"),
        ("dsn = \"consul://127.0.0.1?tokn=x\"", "GW0311", "wrong.toml:2:7"),
    ] {
        let folder = folder(&[("wrong.toml", &with(dsn))]);
        for arguments in
            [&["validate", "wrong.toml"][..], &["-conf", "wrong.toml", "-addr", FREE, "-admin", FREE]]
        {
            let ran = run_in(folder.path(), arguments).await;
            assert!(ran.stderr.contains(code) && ran.stderr.contains(place), "{dsn} {arguments:?} {ran:?}");
            assert_eq!((ran.code, ran.stderr.matches("error[GW").count()), (CONFIG, 1), "{dsn} {ran:?}");
        }
    }
    let folder = folder(&[("ok.toml", &with(""))]);
    let ran = run_in(folder.path(), &["validate", "-discovery.dsn", "consul://127.0.0.1", "ok.toml"]).await;
    assert_eq!(ran.code, OK, "{ran:?}");
}

/// What only follows from a mistake is not told beside it: the route is one twice without its method, and a path that
/// is missing is no bad pattern.
#[tokio::test]
async fn one_mistake_is_one_complaint() {
    let backends = "backends = [{ target = \"127.0.0.1:1\" }]\n";
    for (wrong, code) in [
        (format!("[[endpoints]]\n{backends}"), "GW0103"),
        ("[[endpoints]]\npath = \"/\"\nbackends = [{ weight = 1 }]\n".to_owned(), "GW0103"),
        (format!("[[endpoints]]\npath = 7\n{backends}"), "GW0102"),
        (format!("[[endpoints]]\npath = \"/a\"\n{backends}methd = \"GET\"\n"), "GW0101"),
        (
            format!(
                "[[middlewares]]\nname = \"cors\"\noption = {{}}\n[[endpoints]]\npath = \"/b\"\n{backends}"
            ),
            "GW0101",
        ),
    ] {
        let first = format!("[[endpoints]]\npath = \"/a\"\nmethod = \"GET\"\n{backends}");
        let folder = folder(&[("wrong.toml", &(wrong + &first))]);
        let ran = run_in(folder.path(), &["validate", "wrong.toml"]).await;
        let told: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("error[")).collect();
        assert!(told.len() == 1 && told[0].contains(code), "{code} in\n{}", ran.stderr);
        assert!(ran.stderr.contains("--> wrong.toml:"), "with its place:\n{}", ran.stderr);
    }
}

#[tokio::test]
async fn validate_checks_each_file_and_starts_nothing() {
    let good = table("/", "", &[([127, 0, 0, 1], 1).into()]);
    let folder = folder(&[("good.toml", &good), ("wrong.toml", WRONG), ("half.yaml", "endpoints: [")]);
    let ran = run_in(folder.path(), &["validate", "good.toml"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (OK, "good.toml: ok, 1 endpoint\n"), "{ran:?}");
    let files = ["validate", "missing.toml", "wrong.toml", "half.yaml", ".", "good.toml"];
    let ran = run_in(folder.path(), &files).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (CONFIG, "good.toml: ok, 1 endpoint\n"));
    for named in ["missing.toml", "wrong.toml:4:1", "half.yaml", "`.` is a directory", "name the file in it"]
    {
        assert!(ran.stderr.contains(named), "{named} in\n{}", ran.stderr);
    }
}

#[tokio::test]
async fn a_taken_address_ends_with_1_and_is_named() {
    let origin = Origin::start("one", Script::Echo).await;
    let first = Gateway::start(&served("1", origin.address()), Format::Toml).await;
    let folder = folder(&[("config.toml", &served("2", origin.address()))]);
    for taken in [origin.address(), first.address(), first.admin()] {
        let taken = taken.to_string();
        for arguments in [["-addr", &taken, "-admin", FREE], ["-addr", FREE, "-admin", &taken]] {
            let ran = run_in(folder.path(), &arguments).await;
            assert!(ran.code == FAILURE && ran.stderr.contains(&taken), "{arguments:?} {ran:?}");
        }
    }
    assert_eq!(version(&first).await, "1");
}

#[tokio::test]
async fn without_a_named_file_the_first_of_the_usual_ones_is_taken() {
    let origin = Origin::start("one", Script::Echo).await;
    let endpoint = format!("endpoints: [{{path: '/*', backends: [{{target: '{}'}}]}}]", origin.address());
    let folder = folder(&[
        ("config.yaml", &format!("version: yaml\n{endpoint}")),
        ("config.toml", &served("toml", origin.address())),
    ]);
    let start = async || {
        let mut command = command(&["-addr", FREE, "-admin", FREE]);
        command.current_dir(folder.path());
        let mut gateway = Gateway::spawn(command);
        gateway.serving().await;
        gateway
    };
    let gateway = start().await;
    assert_eq!(version(&gateway).await, "yaml");
    let changed = folder.path().join("next");
    std::fs::write(&changed, format!("version: changed\n{endpoint}")).unwrap();
    std::fs::rename(&changed, folder.path().join("config.yaml")).unwrap();
    gateway.live("changed").await;
    std::fs::remove_file(folder.path().join("config.yaml")).unwrap();
    assert_eq!(version(&start().await).await, "toml");
    std::fs::remove_file(folder.path().join("config.toml")).unwrap();
    if !Path::new("/etc/gateway/gateway.toml").exists() {
        let ran = run_in(folder.path(), &[]).await;
        let all = ["config.yaml", "config.toml", "/etc/gateway/gateway.toml"];
        assert!(ran.code == USAGE && all.iter().all(|name| ran.stderr.contains(name)), "{ran:?}");
    }
}

#[tokio::test]
async fn several_addresses_replace_the_configured_ones() {
    let origin = Origin::start("one", Script::Echo).await;
    let text = format!("[[listeners]]\naddress = \"192.0.2.1:1\"\n{}", served("1", origin.address()));
    let text = text.replacen("version", "# version", 1);
    let gateway = Gateway::start_with(&text, Format::Toml, |command| {
        command.args(["-addr", FREE, "--addr=:0"]);
    })
    .await;
    let addresses = gateway.addresses();
    assert!(addresses.len() == 2 && addresses[0] != addresses[1], "{addresses:?}");
    for address in addresses {
        assert_eq!(Caller::http1(address).await.get("/").await.status, 200);
    }
}

#[tokio::test]
async fn an_address_of_a_port_alone_is_of_both_families() {
    let origin = Origin::start("one", Script::Echo).await;
    let folder = folder(&[("config.toml", &served("1", origin.address()))]);
    let mut command = command(&["-addr", ":0", "-admin", FREE]);
    command.current_dir(folder.path());
    let mut gateway = Gateway::spawn(command);
    gateway.serving().await;
    let port = gateway.address().port();
    let mut answers = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        answers.push(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    }
    for address in answers {
        let answer = Caller::http1(address).await.get("/").await;
        assert_eq!(answer.status, 200);
        let loopback = if address.is_ipv4() { "127.0.0.1" } else { "::1" };
        assert_eq!(answer.echoed("x-forwarded-for"), [loopback], "an IPv4 client keeps its address");
    }
}

#[tokio::test]
async fn the_log_is_json_where_nobody_watches() {
    let origin = Origin::start("one", Script::Echo).await;
    let mut gateway = Gateway::start(&served("1", origin.address()), Format::Toml).await;
    gateway.signal("INT");
    let (status, log) = gateway.last_words().await;
    assert!(status.success());
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap_or_default()).collect();
    for message in ["listening", "serving", "stopping", "stopped"] {
        assert!(messages.contains(&message), "{message} in {messages:?}");
    }
}

#[tokio::test]
async fn sighup_reloads_what_has_not_changed() {
    let origin = Origin::start("one", Script::Echo).await;
    let mut gateway = Gateway::start(&served("1", origin.address()), Format::Toml).await;
    for generation in 2..5 {
        gateway.signal("HUP");
        let reloaded = |line: &str| {
            line.contains("\"reloaded\"") && line.contains(&format!("\"generation\":{generation},"))
        };
        gateway.logged("another generation", reloaded).await;
    }
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 200);
    gateway.signal("TERM");
    assert_eq!(gateway.ended().await.code(), OK);
}

/// What outlasts the grace is cut, and that is a failure; QUIT waits for nothing.
#[tokio::test]
async fn requests_that_are_cut_are_a_failure() {
    for signal in ["INT", "TERM", "QUIT"] {
        let origin = Origin::start("one", Script::Held).await;
        let folder = folder(&[("config.toml", &served("1", origin.address()))]);
        let times = ["-drain-delay", "10ms", "-grace", "10ms"];
        let mut command = command(&[&["run", "-addr", FREE, "-admin", FREE], &times[..]].concat());
        command.current_dir(folder.path());
        let mut gateway = Gateway::spawn(command);
        gateway.serving().await;
        let mut caller = Caller::http1(gateway.address()).await;
        let request = caller.request("GET", "/held").body(empty()).unwrap();
        let asked = tokio::spawn(async move { caller.try_call(request).await });
        origin.record().wait("the request is in flight", |counts| counts.requests == 1).await;
        gateway.signal(signal);
        assert_eq!(gateway.ended().await.code(), FAILURE, "{signal}: {}", gateway.log());
        assert!(within("the request ends", asked).await.unwrap().is_err(), "{signal}");
    }
}

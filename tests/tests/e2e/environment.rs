//! The environment: the Go gateway's variables, and ours.

use gateway_tests::{
    Caller, Format, Gateway, Origin, RawCaller, RawOrigin, Script, Step, command, full, run, table,
};

use crate::commands::{CONFIG, USAGE, folder, served, version};

const FREE: &str = "127.0.0.1:0";

#[tokio::test]
async fn a_wrong_environment_ends_with_2_and_names_the_variable() {
    for (name, value) in [
        ("PROXY_FOLLOW_REDIRECT", "1"),
        ("PROXY_READ_TIMEOUT", "soon"),
        ("ENABLE_STRICT_SLASH", "maybe"),
        ("INITIAL_RESOLVE_TIMEOUT", "soon"),
    ] {
        for arguments in [&["validate", "any.toml"][..], &["-conf", "any.toml"], &["dev"]] {
            let mut command = command(arguments);
            command.env(name, value);
            let ran = run(command).await;
            assert!(ran.code == USAGE && ran.stderr.contains(name), "{arguments:?} {ran:?}");
        }
    }
}

#[tokio::test]
async fn the_environment_stands_above_the_file() {
    let origin = Origin::start("one", Script::Status(404)).await;
    let text = served("file", origin.address());
    let gateway = Gateway::start_with(&text, Format::Toml, |command| {
        command.env("GATEWAY__VERSION", "environment").env("GATEWAY__ENDPOINTS__0__PATH", "/moved");
    })
    .await;
    assert_eq!(version(&gateway).await, "environment");
    let mut caller = Caller::http1(gateway.address()).await;
    assert!(caller.get("/moved").await.text().contains("from one"));
    assert!(!caller.get("/elsewhere").await.text().contains("from one"));

    let folder = folder(&[("config.toml", &text)]);
    for (name, value) in [("GATEWAY__CLIENT__CONNECT_TIMEOUT", "soon"), ("GATEWAY__NO_SUCH", "1")] {
        let mut command = command(&["validate", "config.toml"]);
        command.current_dir(folder.path()).env(name, value);
        let ran = run(command).await;
        assert!(ran.code == CONFIG && ran.stderr.contains(name), "{name} {ran:?}");
    }
}

#[tokio::test]
async fn a_last_slash_too_many_is_redirected_if_the_environment_says_so() {
    let origin = Origin::start("one", Script::Echo).await;
    let text = table("/s", "", &[origin.address()]);
    for (strict, status, location) in [("true", 308, "/s?q=1"), ("false", 404, "")] {
        let gateway = Gateway::start_with(&text, Format::Toml, |command| {
            command.env("ENABLE_STRICT_SLASH", strict);
        })
        .await;
        let answer = Caller::http1(gateway.address()).await.post("/s/?q=1", full("body")).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (status, location), "{answer:?}");
    }
    assert_eq!(origin.counts().requests, 0);
}

/// The file says an hour, so that only the variable ends each connection.
#[tokio::test]
async fn the_timeouts_of_the_go_gateway_are_honoured() {
    let origin = Origin::start("one", Script::Echo).await;
    let limits = "limits = { header_timeout = \"1h\", read_timeout = \"1h\", idle_timeout = \"1h\" }";
    let listener = format!("[[listeners]]\naddress = \"{FREE}\"\n{limits}\n");
    let text = format!("{listener}{}", table("/*", "timeout = \"1h\"", &[origin.address()]));
    let start = async |name: &str| {
        let change = |command: &mut tokio::process::Command| {
            command.env(name, "200ms");
        };
        Gateway::start_with(&text, Format::Toml, change).await
    };
    for (name, sent, answered) in [
        ("PROXY_READ_HEADER_TIMEOUT", "GET / HTTP/1.1\r\nHost:", "HTTP/1.1 408"),
        ("PROXY_READ_TIMEOUT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 408"),
        ("PROXY_IDLE_TIMEOUT", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200"),
    ] {
        let gateway = start(name).await;
        let mut raw = RawCaller::connect(gateway.address()).await;
        raw.write(sent).await;
        let answer = raw.read_to_end().await;
        assert!(answer.starts_with(answered), "{name}: {answer}\n{}", gateway.log());
    }
}

/// A client that takes nothing, and an upstream that never says anything.
#[tokio::test]
async fn the_timeouts_of_the_go_gateway_towards_those_who_do_nothing_are_honoured() {
    let huge = Origin::start("huge", Script::Download(1 << 30)).await;
    let listener = format!("[[listeners]]\naddress = \"{FREE}\"\nlimits = {{ write_timeout = \"1h\" }}\n");
    let text = format!("{listener}{}", table("/*", "timeout = \"1h\"", &[huge.address()]));
    let gateway = Gateway::start_with(&text, Format::Toml, |command| {
        command.env("PROXY_WRITE_TIMEOUT", "200ms");
    })
    .await;
    let mut raw = RawCaller::connect(gateway.address()).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    huge.record().wait("the answer is given up", |counts| counts.broken == 1).await;

    let silent = RawOrigin::start(&[Step::Wait]).await;
    let tls = "tls = true\ntls_config_name = \"any\"\ntarget";
    let endpoint = table("/*", "timeout = \"1h\"", &[silent.address()]).replace("target", tls);
    let client = "[client]\nconnect_timeout = \"1h\"\n[tls_store.any]\ninsecure = true\n";
    let gateway = Gateway::start_with(&format!("{client}{endpoint}"), Format::Toml, |command| {
        command.env("PROXY_DIAL_TIMEOUT", "200ms");
    })
    .await;
    assert_eq!(Caller::http1(gateway.address()).await.get("/").await.status, 504);
}

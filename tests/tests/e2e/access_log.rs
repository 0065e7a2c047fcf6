//! The access log in a file, in the Go gateway's form.

use gateway_tests::{Caller, Format, Gateway, Origin, Script, command, run, table, within};

async fn lines(path: &std::path::Path, count: usize) -> Vec<String> {
    let read = async {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
        loop {
            ticks.tick().await;
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.lines().count() >= count {
                return text.lines().map(str::to_owned).collect();
            }
        }
    };
    within("the access log's lines", read).await
}

#[tokio::test]
async fn a_file_in_the_go_gateways_form_is_opened_anew_on_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let origin = Origin::start("one", Script::Echo).await;
    let config = format!(
        "version = \"1\"\naccess_log = {{ format = \"kratos\", path = '{}' }}\n[[middlewares]]\nname = \"logging\"\n{}",
        path.display(),
        table("/users/{id}", "", &[origin.address()]),
    );
    let gateway = Gateway::start(&config, Format::Toml).await;
    let mut caller = Caller::http1(gateway.address()).await;
    caller.get("/users/7?token=hunter2&page=2").await;
    caller.get("/none").await;
    let first = lines(&path, 2).await;
    let host = gateway.address();
    let begin = format!(
        "INFO source=accesslog host={host} method=GET scheme=http path=/users/7 query=token=REDACTED&page=2 code=200 error= latency="
    );
    assert!(first[0].starts_with(&begin), "{first:?}");
    let upstream = format!(" backend={} backend_code=[200] backend_latency=[", origin.address());
    assert!(first[0].contains(&upstream) && first[0].ends_with("] last_attempt=true"), "{first:?}");
    let refused = format!(
        "ERROR source=accesslog host={host} method=GET path=/none query= user_agent= code=404 error=no_route"
    );
    assert_eq!(first[1], refused);

    // As logrotate does.
    std::fs::rename(&path, &moved).unwrap();
    gateway.signal("HUP");
    gateway.logged("it reloaded", |line| line.contains("\"reloaded\"")).await;
    caller.get("/users/8").await;
    assert!(lines(&path, 1).await[0].contains(" path=/users/8 "));
    assert_eq!(lines(&moved, 2).await.len(), 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let config = "access_log.path = \"/no/such/folder/access.log\"\n";
    std::fs::write(&file, format!("{config}listeners = [{{ address = \"127.0.0.1:0\" }}]\n")).unwrap();
    let ran = run(command(&["run", "-conf", file.to_str().unwrap(), "-admin", "127.0.0.1:0"])).await;
    assert_eq!(ran.code, Some(78), "{}", ran.stderr);
    assert!(ran.stderr.contains("error[GW0309]") && ran.stderr.contains("gateway.toml:1:"), "{}", ran.stderr);
}

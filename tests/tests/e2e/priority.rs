//! Priority files, with the command as it is started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use gateway_tests::{Answer, Caller, Format, Gateway, Origin, Script, command, run, table};
use tempfile::TempDir;

const GATES: &str = "-feature-gates";

/// A gateway with a priority directory that did not exist before, and two upstreams.
struct Place {
    _folder: TempDir,
    directory: PathBuf,
    origins: [Origin; 2],
    gateway: Gateway,
}

async fn start(main: impl FnOnce([SocketAddr; 2]) -> String, further: &[&str]) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("new").join("priority");
    let origins = [Origin::start("main", Script::Echo).await, Origin::start("other", Script::Echo).await];
    let config = main([origins[0].address(), origins[1].address()]);
    let gateway = Gateway::start_with(&config, Format::Toml, |command| {
        command.arg("-conf.priority").arg(&directory).args(further);
    })
    .await;
    Place { _folder: folder, directory, origins, gateway }
}

impl Place {
    fn write(&self, name: &str, text: &str) {
        let temporary = self.directory.join(".new");
        std::fs::write(&temporary, text).unwrap();
        std::fs::rename(temporary, self.directory.join(name)).unwrap();
    }

    /// Waits for the reload that serves what the files hold now.
    async fn generation(&self, wanted: u64) {
        let line =
            |line: &str| line.contains("\"reloaded\"") && line.contains(&format!("\"generation\":{wanted},"));
        self.gateway.logged("a reload", line).await;
    }

    async fn get(&self, path: &str) -> Answer {
        Caller::http1(self.gateway.address()).await.get(path).await
    }
}

fn endpoint(path: &str, origin: SocketAddr) -> String {
    format!(
        "{{\"version\": \"1\", \"endpoints\": [{{\"path\": \"{path}\", \"backends\": [{{\"target\": \"{origin}\"}}]}}]}}"
    )
}

#[tokio::test]
async fn files_come_change_and_go_while_the_gateway_serves() {
    let place = start(|[main, _]| table("/a", "", &[main]), &[]).await;
    assert!(place.directory.is_dir(), "made at the start");
    let other = place.origins[1].address();
    assert_eq!(place.get("/a").await.json()["origin"], "main");
    place.write("one.yaml", &endpoint("/a", other));
    place.generation(2).await;
    assert_eq!(place.get("/a").await.json()["origin"], "other");
    place.write("two.toml", &table("/b", "", &[other]));
    place.generation(3).await;
    assert_eq!(place.get("/b").await.status, 200);
    let page = Caller::http1(place.gateway.admin()).await.get("/debug/config/inspect").await.json();
    let hashes = page["priorityConfigHash"].as_object().unwrap();
    assert_eq!(hashes.keys().collect::<Vec<_>>(), ["one.yaml", "two.toml"]);
    assert!(hashes.values().all(|hash| hash.as_str().unwrap().len() == 64), "{page}");
    std::fs::remove_file(place.directory.join("one.yaml")).unwrap();
    place.generation(4).await;
    assert_eq!(place.get("/a").await.json()["origin"], "main");
    assert_eq!(place.gateway.stop().await.code(), Some(0));
}

#[tokio::test]
async fn a_bad_file_is_told_with_its_place_and_changes_nothing() {
    let place = start(|[main, _]| table("/a", "", &[main]), &[]).await;
    place.write("bad.yaml", "endpoints:\n- path: /a\n  timeout: soon\n");
    let line = place.gateway.logged("the refusal", |line| line.contains("not reloaded")).await;
    let at = format!("{}:3:12", place.directory.join("bad.yaml").display());
    assert!(line.contains(&at) && line.contains("GW0105"), "{line}");
    // What only lowering finds has its place as well.
    place.write("bad.yaml", "endpoints:\n- path: /a/{x:[}\n  backends: [{target: 'a:1'}]\n");
    let line = place.gateway.logged("the refusal", |line| line.contains("GW0303")).await;
    assert!(line.contains("bad.yaml:2:9"), "{line}");
    assert_eq!(place.get("/a").await.json()["origin"], "main");
    place.write("bad.yaml", &endpoint("/b", place.origins[1].address()));
    place.generation(2).await;
    assert_eq!(place.get("/b").await.status, 200);
}

#[tokio::test]
async fn a_closed_gate_switches_the_files_off() {
    let place = start(|[main, _]| table("/a", "", &[main]), &[GATES, "gw:PriorityConfig=false"]).await;
    place.write("one.yaml", "endpoints: nonsense");
    place.gateway.signal("HUP");
    place.generation(2).await;
    assert_eq!(place.get("/a").await.json()["origin"], "main");
}

#[tokio::test]
async fn validate_reads_the_directory_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("p")).unwrap();
    std::fs::write(path("main.toml"), table("/a", "", &[([127, 0, 0, 1], 1).into()])).unwrap();
    let write = |text: &str| std::fs::write(Path::new(&path("p")).join("x.yaml"), text).unwrap();
    let validate = async || run(command(&["validate", "--priority", &path("p"), &path("main.toml")])).await;
    write(&endpoint("/b", ([127, 0, 0, 1], 1).into()));
    let ran = validate().await;
    assert!(ran.code == Some(0) && ran.stdout.contains("ok, 2 endpoints"), "{ran:?}");
    write("endpoints:\n- path: /b\n  backends: [{target: 'a:b:c'}]\n");
    let ran = validate().await;
    assert!(ran.code == Some(78) && ran.stderr.contains("x.yaml:3:"), "{ran:?}");
    let ran = run(command(&["validate", "--priority", &path("none"), &path("main.toml")])).await;
    assert!(ran.code == Some(78) && ran.stderr.contains("GW0201"), "{ran:?}");
    assert!(!Path::new(&path("none")).exists(), "made by a check");
}

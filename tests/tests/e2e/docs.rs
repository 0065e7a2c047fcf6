//! The pages tell the truth: their samples are valid, their commands run, their output is real, their links lead somewhere.

use std::path::{Path, PathBuf};

use gateway_tests::{Authority, Caller, Gateway, Page, Ran, command, root, run};
use tempfile::TempDir;
use tokio::process::Command;

const README: &str = "README.md";
/// Pages beside those of `docs/`.
const PAGES: [&str; 5] =
    [README, "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/migrate/kratos.md"];
/// What a command line of the pages starts with where a reader of them has only the sources.
const CARGO: &str = "cargo run --release -- ";

/// The pages, those of `docs/` included but not those below it.
fn pages() -> Vec<Page> {
    let entries = std::fs::read_dir(root().join("docs")).unwrap();
    let docs = entries.map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    PAGES.iter().map(PathBuf::from).chain(docs).map(Page::read).collect()
}

/// A folder with certificates as `ca.pem`, `tls.crt`, `tls.key`, `client.crt`, `client.key`.
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::default();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("ca.pem", &authority.pem());
    for name in ["tls", "client"] {
        let identity = authority.identity(&["api.example.com", "*.example.com"]);
        write(&format!("{name}.crt"), &identity.cert);
        write(&format!("{name}.key"), &identity.key);
    }
    folder
}

async fn validate(name: &str, text: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    let mut command = command(&["validate", name]);
    command.current_dir(folder.path());
    run(command).await
}

/// The certificates that a sample names by path are put there for it; it is changed in nothing else.
#[tokio::test]
async fn every_sample_is_valid() {
    let certificates = certificates();
    let mut checked = 0;
    for page in pages() {
        for block in page.blocks() {
            let shown = page.path.display();
            match block.language.as_str() {
                "toml" | "yaml" | "json" => {
                    let text = block.text.replace("/etc/gateway", certificates.path().to_str().unwrap());
                    let ran = validate(&format!("sample.{}", block.language), &text).await;
                    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{shown}\n{}", block.text);
                    checked += 1;
                }
                "sh" | "text" | "rust" | "rust,ignore" | "go" => {}
                language => panic!("{shown}: no test of a block of `{language}`"),
            }
        }
    }
    assert!(checked > 10, "only {checked}");
}

/// A block of output is what the command says of the page's first configuration once the line that the block complains
/// about is in it.
#[tokio::test]
async fn every_error_that_is_shown_is_real() {
    let mut checked = 0;
    for page in pages() {
        for shown in page.blocks_of("text").into_iter().filter(|text| text.starts_with("error[")) {
            let place = shown.lines().find_map(|line| line.trim().strip_prefix("--> ")).expect(&shown);
            let mut parts = place.split(':');
            let (name, number) = (parts.next().unwrap(), parts.next().unwrap());
            let wrong =
                shown.lines().find_map(|line| line.strip_prefix(&format!("{number} | "))).expect(&shown);
            let mut lines: Vec<String> = page.blocks_of("toml")[0].lines().map(str::to_owned).collect();
            lines.insert(number.parse::<usize>().unwrap() - 1, wrong.to_owned());
            let ran = validate(name, &(lines.join("\n") + "\n")).await;
            assert_eq!(
                (ran.code, ran.stderr.trim_end()),
                (Some(78), shown.trim_end()),
                "{}",
                page.path.display()
            );
            checked += 1;
        }
    }
    assert!(checked >= 2, "the README and docs/configuration.md show one each");
}

/// The README's commands, without their comments.
fn commands() -> Vec<String> {
    let blocks = Page::read(README).blocks_of("sh").concat();
    let bare = |line: &str| line.split(" #").next().unwrap().trim().to_owned();
    blocks.lines().map(bare).filter(|line| !line.is_empty()).collect()
}

/// The first two are what the first screen promises: the peers' `demo.rs` runs the demo and every line that it prints, and the
/// other runs the test that you read. The rest are about the README's own configuration.
#[tokio::test]
async fn every_command_of_the_readme_works() {
    let [dev, test, validate, serve, ready] = commands().try_into().expect("five commands");
    assert_eq!(dev, format!("{CARGO}dev"));
    assert_eq!(test, "cargo xtask test");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.toml"), &Page::read(README).blocks_of("toml")[0]).unwrap();

    let ran = run(in_folder(&folder, &validate, &[])).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "gateway.toml: ok, 1 endpoint\n"), "{ran:?}");
    let free = ["-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0"];
    let gateway = Gateway::spawn(in_folder(&folder, &serve, &free));
    gateway.logged("it serves", |line| line.contains("\"serving\"")).await;
    let path = ready.strip_prefix("curl http://127.0.0.1:9901").unwrap_or_else(|| panic!("{ready}"));
    let answer = Caller::http1(gateway.admin()).await.get(path).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "ready\n"));
}

/// A command line of the README in a folder, with further arguments.
fn in_folder(folder: &TempDir, line: &str, more: &[&str]) -> Command {
    let line = line.strip_prefix(CARGO).unwrap_or_else(|| panic!("{line}"));
    let arguments: Vec<&str> = line.split_whitespace().chain(more.iter().copied()).collect();
    let mut command = command(&arguments);
    command.current_dir(folder.path());
    command
}

#[test]
fn every_link_leads_somewhere() {
    let mut checked = 0;
    for page in pages() {
        for link in page.links().into_iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.path.clone(),
                path => page.path.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{}: {link}", page.path.display());
            if !anchor.is_empty() {
                let anchors = Page::read(&target).anchors();
                assert!(anchors.iter().any(|found| found == anchor), "{}: {link}", page.path.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked}");
}

/// What the pages name as files is there: words in backquotes that look like a path from the repository's folder.
#[test]
fn every_file_that_is_named_exists() {
    for name in PAGES {
        let page = Page::read(name);
        let spans = page.text.split('`').skip(1).step_by(2);
        let starts = ["crates/", "docs/", "config/", "gateway-bin/", "tests/", "xtask/", ".ci/"];
        let plain = |path: &&str| !path.contains(['*', ' ', '…', '<', '{', '\n', 'N']);
        for path in spans.filter(|span| starts.iter().any(|start| span.starts_with(start))).filter(plain) {
            assert!(root().join(Path::new(path)).exists(), "{name}: {path}");
        }
    }
}

/// Every variable that is read by its name has a row in the one list.
#[test]
fn every_variable_of_the_environment_is_in_the_list() {
    let page = Page::read("docs/configuration.md").text;
    let list = page.split("\n## ").find(|section| section.starts_with("Environment variables\n")).unwrap();
    let mut checked = 0;
    let sources =
        ["gw-config/src/environment.rs", "gw-discovery/src/consul/options.rs", "gw-egress/src/proxies.rs"];
    for source in sources {
        let text = std::fs::read_to_string(root().join("crates").join(source)).unwrap();
        let is_name =
            |text: &&str| text.len() > 3 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let names = text.split('"').filter(is_name).filter(|name| !name.ends_with('_'));
        for name in names {
            let row = |line: &str| line.starts_with('|') && line.contains(&format!("`{name}`"));
            assert!(list.lines().any(row), "{name} of {source}");
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked}");
}

/// The folder that the original's image mounts, a file in it (there, the folder itself was named, which never started), and a
/// user without rights. No base image can be had by every test: that it builds is tried by hand.
#[test]
fn the_image_serves_a_file_and_is_not_root() {
    let text = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    let last: Vec<&str> = text.lines().rev().take_while(|line| !line.starts_with("FROM ")).collect();
    for line in ["CMD [\"-conf\", \"/data/conf/config.yaml\"]", "VOLUME /data/conf", "USER 10001"] {
        assert!(last.contains(&line), "{line}");
    }
}

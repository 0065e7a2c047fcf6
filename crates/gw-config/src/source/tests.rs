//! Sources with real files. A stream is polled until it waits before a file is changed; nothing sleeps.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tempfile::TempDir;

use super::*;
use crate::{FeatureGates, Format, Loaded};

/// Longer than anything takes. Never the time after which something is expected.
const LONG: Duration = Duration::from_secs(60);
/// Never.
const NO_POLL: Duration = Duration::from_secs(24 * 3600);

struct Place {
    directory: TempDir,
    file: PathBuf,
}

impl Place {
    fn new(version: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.toml");
        fs::write(&file, content(version)).unwrap();
        Self { directory, file }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn content(version: &str) -> String {
    format!("version = '{version}'\n")
}

type Changes = BoxStream<'static, Result<Loaded, Diagnostics>>;

/// Runs `change` once the stream waits, and gives what it then says.
async fn after(changes: &mut Changes, change: impl FnOnce()) -> Result<Loaded, Diagnostics> {
    let mut next = changes.next();
    assert!((&mut next).now_or_never().is_none(), "something is said before anything happened");
    change();
    tokio::time::timeout(LONG, next).await.expect("a change is heard of").unwrap()
}

#[track_caller]
fn version(result: Result<Loaded, Diagnostics>) -> String {
    result.unwrap().gateway.version
}

#[track_caller]
fn code(result: Result<Loaded, Diagnostics>) -> &'static str {
    result.unwrap_err().list()[0].code
}

fn replace(file: &Path, text: &str) {
    let temporary = file.with_extension("new");
    fs::write(&temporary, text).unwrap();
    fs::rename(temporary, file).unwrap();
}

#[tokio::test]
async fn events_tell_of_every_way_to_save() {
    let place = Place::new("1");
    let loader = FileLoader::new(&place.file).with_poll(NO_POLL);
    assert_eq!(version(loader.load()), "1");
    let mut changes = loader.watch();
    assert_eq!(version(after(&mut changes, || fs::write(&place.file, content("2")).unwrap()).await), "2");
    assert_eq!(version(after(&mut changes, || replace(&place.file, &content("3"))).await), "3");
    assert_eq!(code(after(&mut changes, || fs::remove_file(&place.file).unwrap()).await), "GW0201");
    assert_eq!(version(after(&mut changes, || fs::write(&place.file, content("4")).unwrap()).await), "4");
}

#[tokio::test]
async fn polling_finds_what_no_event_tells() {
    let place = Place::new("unused");
    for version in ["1", "2"] {
        let directory = place.path(version).join("conf");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("gateway.toml"), content(version)).unwrap();
    }
    let rename = |from: &str, to: &str| fs::rename(place.path(from), place.path(to)).unwrap();
    rename("1", "current");
    // The directory that is renamed is above the watched one.
    let loader =
        FileLoader::new(place.path("current").join("conf/gateway.toml")).with_poll(Duration::from_millis(5));
    assert_eq!(version(loader.load()), "1");
    let swap = || {
        rename("current", "1");
        rename("2", "current");
    };
    // It may be looked at while there is none.
    let mut changes = loader.watch();
    let mut found = after(&mut changes, swap).await;
    if found.is_err() {
        found = changes.next().await.unwrap();
    }
    assert_eq!(version(found), "2");
}

#[tokio::test]
async fn a_link_on_the_way_is_swapped() {
    let place = Place::new("unused");
    fs::create_dir(place.path("v")).unwrap();
    let file = |version: &str| place.path("v").join(version).join("gateway.toml");
    for version in ["1", "2"] {
        fs::create_dir(place.path("v").join(version)).unwrap();
        fs::write(file(version), content(version)).unwrap();
    }
    let link = |to: &str| {
        std::os::unix::fs::symlink(to, place.path("v/tmp")).unwrap();
        fs::rename(place.path("v/tmp"), place.path("v/current")).unwrap();
    };
    link("1");
    let loader = FileLoader::new(file("current")).with_poll(NO_POLL);
    assert_eq!(version(loader.load()), "1");
    let mut changes = loader.watch();
    assert_eq!(version(after(&mut changes, || link("2")).await), "2");
    let saved = after(&mut changes, || fs::write(file("2"), content("3")).unwrap());
    assert_eq!(version(saved.await), "3");
}

/// The time is that of the test: it passes when everybody waits.
#[tokio::test(start_paused = true)]
async fn a_file_is_looked_at_every_five_seconds_and_what_is_wrong_with_it_is_said_once() {
    let place = Place::new("unused");
    for (name, text) in [("1", content("1")), ("bad", "version = ".to_owned()), ("2", content("2"))] {
        fs::create_dir(place.path(name)).unwrap();
        fs::write(place.path(name).join("gateway.toml"), text).unwrap();
    }
    let link = |to: &str| {
        std::os::unix::fs::symlink(place.path(to), place.path("tmp")).unwrap();
        fs::rename(place.path("tmp"), place.path("current")).unwrap();
    };
    link("1");
    let loader = FileLoader::new(place.path("current").join("gateway.toml"));
    assert_eq!(version(loader.load()), "1");
    let mut changes = loader.watch();
    let start = tokio::time::Instant::now();
    assert_eq!(code(after(&mut changes, || link("bad")).await), "GW0203");
    // At the latest: the links on the way are watched too.
    assert!(start.elapsed().as_secs() <= 5);
    assert!(tokio::time::timeout(LONG, changes.next()).await.is_err(), "said again");
    assert_eq!(version(after(&mut changes, || link("2")).await), "2");
}

#[tokio::test]
async fn a_config_map_swaps_its_link() {
    let place = Place::new("unused");
    fs::remove_file(&place.file).unwrap();
    let publish = |version: &str| {
        fs::create_dir(place.path(version)).unwrap();
        fs::write(place.path(version).join("gateway.toml"), content(version)).unwrap();
        std::os::unix::fs::symlink(version, place.path("..data_tmp")).unwrap();
        fs::rename(place.path("..data_tmp"), place.path("..data")).unwrap();
    };
    publish("1");
    std::os::unix::fs::symlink("..data/gateway.toml", &place.file).unwrap();
    let loader = FileLoader::new(&place.file).with_poll(NO_POLL);
    assert_eq!(version(loader.load()), "1");
    let mut changes = loader.watch();
    assert_eq!(version(after(&mut changes, || publish("2")).await), "2");
    // The directory that it leads to now is watched as well.
    let saved =
        after(&mut changes, || fs::write(place.path("2").join("gateway.toml"), content("3")).unwrap());
    assert_eq!(version(saved.await), "3");
}

#[tokio::test]
async fn a_reload_is_told_of_though_nothing_changed() {
    let place = Place::new("1");
    let loader = FileLoader::new(&place.file).with_poll(NO_POLL);
    loader.load().unwrap();
    let mut changes = loader.watch();
    assert_eq!(version(after(&mut changes, || loader.clone().reload()).await), "1");
    fs::remove_file(&place.file).unwrap();
    let _ = tokio::time::timeout(LONG, changes.next()).await.unwrap();
    assert_eq!(code(after(&mut changes, || loader.reload()).await), "GW0201");
}

#[tokio::test]
async fn a_watch_starts_where_the_load_was() {
    let place = Place::new("1");
    let loader = FileLoader::new(&place.file).with_poll(NO_POLL);
    assert_eq!(version(loader.watch().next().await.unwrap()), "1", "without a load");
    loader.load().unwrap();
    fs::write(&place.file, content("2")).unwrap();
    assert_eq!(version(loader.watch().next().await.unwrap()), "2", "changed in between");
}

#[tokio::test]
async fn what_is_wrong_is_said_and_the_watch_goes_on() {
    let place = Place::new("1");
    let loader = FileLoader::new(&place.file).with_poll(NO_POLL);
    loader.load().unwrap();
    let mut changes = loader.watch();
    for (bad, expect) in
        [(&b"version = "[..], "GW0203"), (b"\xff", "GW0202"), (b"", "GW0205"), (b"x = 1", "GW0101")]
    {
        assert_eq!(code(after(&mut changes, || fs::write(&place.file, bad).unwrap()).await), expect);
    }
    assert_eq!(version(after(&mut changes, || fs::write(&place.file, content("1")).unwrap()).await), "1");
}

#[tokio::test]
async fn overrides_hold_for_each_load() {
    let place = Place::new("1");
    let overrides = vec![(vec!["name".to_owned()], "mine".to_owned())];
    let loader = FileLoader::new(&place.file).with_overrides(overrides).with_poll(NO_POLL);
    assert_eq!(loader.load().unwrap().gateway.name, "mine");
    let changed = after(&mut loader.watch(), || fs::write(&place.file, content("2")).unwrap()).await;
    assert_eq!(changed.unwrap().gateway.name, "mine");
}

/// What every source does: first what is there, then nothing while nothing changes.
async fn contract(source: &dyn Source, expect: &str) {
    for _ in 0..2 {
        let mut documents = source.documents();
        let first = tokio::time::timeout(LONG, documents.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(first.iter().map(Document::text).collect::<Vec<_>>(), [expect]);
        assert!(documents.next().now_or_never().is_none());
    }
}

#[tokio::test]
async fn sources_keep_their_contract() {
    let place = Place::new("1");
    contract(&FileLoader::new(&place.file), &content("1")).await;
    contract(&Embedded::new(Document::new("demo", Format::Toml, "name = 'x'")), "name = 'x'").await;
}

fn endpoint(path: &str) -> String {
    format!("[[endpoints]]\npath = '{path}'\nbackends = [{{ target = 'a:1' }}]\n")
}

#[track_caller]
fn paths(result: Result<Loaded, Diagnostics>) -> Vec<String> {
    result.unwrap().gateway.endpoints.iter().map(|endpoint| (*endpoint.path).clone()).collect()
}

#[tokio::test]
async fn priority_files_are_watched_as_the_main_file_is() {
    let place = Place::new("1");
    let directory = place.path("priority");
    let gates = FeatureGates::default();
    let loader = FileLoader::new(&place.file).with_priority(&directory, gates).with_poll(NO_POLL);
    assert_eq!(code(loader.load()), "GW0201", "no directory");
    loader.make_directory().unwrap();
    loader.make_directory().unwrap();
    assert_eq!(paths(loader.load()), [""; 0]);
    let mut changes = loader.watch();
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    assert_eq!(paths(after(&mut changes, || write("b.toml", &endpoint("/b"))).await), ["/b"]);
    assert_eq!(paths(after(&mut changes, || write("a.toml", &endpoint("/a"))).await), ["/a", "/b"]);
    // What is no configuration, or hidden, is not looked at.
    fs::create_dir(directory.join("d.toml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(directory.join("s.toml")).unwrap();
    write("README.md", "x");
    write(".hidden.toml", "x");
    write("c.toml.tmp", "x");
    assert_eq!(paths(after(&mut changes, || write("b.toml", &endpoint("/c"))).await), ["/a", "/c"]);
    assert_eq!(code(after(&mut changes, || write("b.toml", "x = 1")).await), "GW0101");
    assert_eq!(
        paths(after(&mut changes, || fs::remove_file(directory.join("b.toml")).unwrap()).await),
        ["/a"]
    );
    assert_eq!(code(after(&mut changes, || fs::remove_dir_all(&directory).unwrap()).await), "GW0201");
}

#[tokio::test]
async fn a_closed_gate_leaves_the_priority_files_out() {
    let place = Place::new("1");
    let directory = place.path("priority");
    let gates = FeatureGates::default();
    let loader = FileLoader::new(&place.file)
        .with_priority(&directory, gates.clone())
        .with_poll(Duration::from_millis(5));
    loader.make_directory().unwrap();
    fs::write(directory.join("a.toml"), endpoint("/a")).unwrap();
    assert_eq!(paths(loader.load()), ["/a"]);
    let mut changes = loader.watch();
    assert_eq!(paths(after(&mut changes, || assert!(gates.set("gw:PriorityConfig", false))).await), [""; 0]);
    assert_eq!(paths(after(&mut changes, || assert!(gates.set("gw:PriorityConfig", true))).await), ["/a"]);
}

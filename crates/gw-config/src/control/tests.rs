//! Releases on their way to files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::release::{self, Release};
use super::store::Store;
use super::*;
use crate::{Document, front};

const MAIN: &str = r#"{"endpoints": [{"path": "/main", "backends": [{"target": "a:1"}]}]}"#;

/// A release with these priority items, each with an endpoint at a path.
fn release(items: &[(&str, &str)]) -> Release {
    let items = items.iter().map(|(key, path)| {
        let config = json!({ "endpoints": [{ "path": path, "backends": [{ "target": "a:1" }] }] });
        json!({ "key": key, "config": config.to_string(), "version": "1" })
    });
    let release = json!({ "config": MAIN, "version": "7", "priorityConfigs": items.collect::<Vec<_>>() });
    serde_json::from_value(release).unwrap()
}

struct Place {
    folder: TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("p")).unwrap();
        let store = Store { file: folder.path().join("config.yaml"), format: Format::Yaml };
        Self { folder, store }
    }

    fn priority(&self, name: &str) -> PathBuf {
        self.folder.path().join("p").join(name)
    }

    /// Takes a release, and says which paths are served then.
    fn take(&self, release: &Release) -> Result<Vec<String>, ControlError> {
        release.check()?;
        let plan = self.store.plan(release, "test", Some(&self.priority("")))?;
        let loaded = plan.read(&[]).map_err(|errors| store::of_config(release, errors))?;
        self.store.write(&plan)?;
        Ok(loaded.gateway.endpoints.iter().map(|endpoint| (*endpoint.path).clone()).collect())
    }

    /// What the loader finds.
    fn served(&self) -> Vec<String> {
        let loader = crate::FileLoader::new(&self.store.file);
        let loaded = loader.with_priority(self.priority(""), FeatureGates::default()).load().unwrap();
        loaded.gateway.endpoints.iter().map(|endpoint| (*endpoint.path).clone()).collect()
    }

    fn visible(&self) -> Vec<String> {
        let names = fs::read_dir(self.priority("")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }
}

#[test]
fn what_is_planned_is_what_is_served() {
    let place = Place::new();
    fs::write(place.priority("m.toml"), "[[endpoints]]\npath = '/own'\nbackends = [{ target = 'a:1' }]\n")
        .unwrap();
    for items in [&[("z", "/z"), ("a", "/a")][..], &[("b", "/main"), ("z", "/y")], &[]] {
        let planned = place.take(&release(items)).unwrap();
        assert_eq!(planned, place.served(), "{items:?}");
        assert!(planned.contains(&"/own".to_owned()));
        assert_eq!(place.visible().len(), 1 + items.len());
    }
}

#[test]
fn only_what_it_wrote_is_replaced_or_deleted() {
    let place = Place::new();
    let own = "endpoints: [{path: /own, backends: [{target: 'a:1'}]}]";
    fs::write(place.priority("own.yaml"), own).unwrap();
    fs::write(place.priority("notes.txt"), "mine").unwrap();
    place.take(&release(&[("one", "/1"), ("two", "/2")])).unwrap();
    let error = place.take(&release(&[("own", "/3")])).unwrap_err().to_string();
    assert!(error.contains("own.yaml was not written by the service"), "{error}");
    assert_eq!(place.visible(), ["notes.txt", "one.yaml", "own.yaml", "two.yaml"]);
    place.take(&release(&[("two", "/2")])).unwrap();
    assert_eq!(place.visible(), ["notes.txt", "own.yaml", "two.yaml"]);
    assert_eq!(fs::read_to_string(place.priority("own.yaml")).unwrap(), own);
    // Without its manifest, nothing is the service's any more.
    fs::remove_file(place.priority(".gateway-control.json")).unwrap();
    place.take(&release(&[])).unwrap();
    assert_eq!(place.visible(), ["notes.txt", "own.yaml", "two.yaml"]);
    // One that leads elsewhere is not believed.
    fs::write(place.priority(".gateway-control.json"), r#"["../config.yaml"]"#).unwrap();
    assert!(matches!(place.take(&release(&[])), Err(ControlError::File { .. })));
    assert!(place.store.file.exists());
}

#[test]
fn keys_are_plain_file_names() {
    for key in
        ["", ".", "..", "../x", "a/b", "/etc/x", "a\\b", ".hidden", "a b", "ä", "a\0", &"x".repeat(129)]
    {
        let error = release(&[(key, "/x")]).check().unwrap_err().to_string();
        assert!(error.contains("priority key"), "{key}: {error}");
    }
    for key in ["a", "a.b", "A-1_x", "a..b", &"x".repeat(128)] {
        release(&[(key, "/x")]).check().unwrap();
    }
    assert!(release(&[("a", "/x"), ("A", "/y")]).check().is_err(), "one file on some systems");
    for release in
        [json!({}), json!({ "config": " " }), json!({ "config": "{}", "version": "x".repeat(129) })]
    {
        assert!(serde_json::from_value::<Release>(release).unwrap().check().is_err());
    }
}

#[test]
fn a_file_keeps_its_mode_and_a_link_its_target() {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let place = Place::new();
    place.take(&release(&[])).unwrap();
    assert_eq!(mode(&place.store.file), 0o600, "a new one");
    let real = place.folder.path().join("real.yaml");
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(&place.store.file).unwrap();
    std::os::unix::fs::symlink(&real, &place.store.file).unwrap();
    place.take(&release(&[])).unwrap();
    assert!(fs::symlink_metadata(&place.store.file).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("/main"));
    assert_eq!(mode(&real), 0o644);
}

#[test]
fn what_is_wrong_is_found_where_it_would_stand() {
    let mut bad = release(&[]);
    bad.config =
        r#"{"endpoints": [{"path": "/a", "timeout": "soon", "backends": [{"target": "a:1"}]}]}"#.to_owned();
    let place = Place::new();
    let error = place.take(&bad).unwrap_err().to_string();
    assert!(error.contains("--> release 7 of test:5:18"), "{error}");
    assert!(!place.store.file.exists());
    bad.config = "{".to_owned();
    assert!(place.take(&bad).unwrap_err().to_string().contains("GW0203"));
}

/// Any JSON, with odd texts.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(|number: f64| json!(number)),
            any::<String>().prop_map(Value::from),
            prop::sample::select(
                &[
                    "on",
                    "~",
                    "1e3",
                    "0x1",
                    "- a",
                    "# x",
                    "a: b",
                    "",
                    " ",
                    "\u{85}\u{feff}\u{2028}\t\r\n\u{7f}"
                ][..]
            )
            .prop_map(Value::from),
        ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yaml_that_is_written_says_what_the_json_said(value in any_json()) {
        let sent = json!({ "x": value }).to_string();
        let json = front::read(&Document::new("x", Format::Json, &sent)).unwrap();
        for format in [Format::Yaml, Format::Json] {
            let written = release::document("x", &sent, format).unwrap();
            let read = front::read(&written);
            prop_assert_eq!(read.as_ref().ok(), Some(&json), "{}", written.text());
        }
    }
}

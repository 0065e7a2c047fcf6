//! The ready configurations of `config/` and every block of `docs/configuration.md` are read without a complaint.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing helper fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gw_config::{Document, Format, Loaded, load, parse};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[track_caller]
fn clean(loaded: Result<Loaded, gw_config::Diagnostics>) -> Loaded {
    let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    loaded
}

#[test]
fn every_file_of_config() {
    let mut files: Vec<_> =
        fs::read_dir(root().join("config")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    for expect in ["gateway.toml", "kratos-full.yaml", "kratos-helloworld.yaml", "minimal.toml"] {
        assert!(names.contains(&expect), "{expect}");
    }
    for file in &files {
        let loaded = clean(load(file, &[]));
        assert!(!loaded.gateway.endpoints.is_empty(), "{}", file.display());
    }
}

#[test]
fn the_original_example_means_what_it_did() {
    let loaded = clean(load(&root().join("config/kratos-helloworld.yaml"), &[]));
    let [http, grpc] = loaded.gateway.endpoints.as_slice() else { panic!("two endpoints") };
    assert_eq!(http.host.as_deref().map(String::as_str), Some("localhost"));
    assert_eq!(http.attempts_or_default(loaded.dialect), 1);
    let retry = grpc.retry.as_ref().unwrap();
    assert_eq!((grpc.attempts_or_default(loaded.dialect), retry.conditions.len()), (3, 2));
    assert_eq!(retry.per_try_timeout, Some(Duration::from_millis(100)));
    assert_eq!(loaded.gateway.client.connect_timeout_or_default(loaded.dialect), Duration::from_millis(200));
}

#[test]
fn every_block_of_the_documentation() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let mut executed = 0;
    for block in page.split("\n```").skip(1) {
        let Some((language, text)) = block.split_once('\n') else { continue };
        let format = match language {
            "toml" => Format::Toml,
            "yaml" => Format::Yaml,
            "json" => Format::Json,
            _ => continue,
        };
        clean(parse(Document::new("docs/configuration.md", format, text)));
        executed += 1;
    }
    let marked = page.matches("```toml\n").count() + page.matches("```yaml\n").count();
    assert!(executed == marked && marked > 10, "{executed} of {marked} blocks");
}

/// The keys of the schema, from its serialized form.
fn keys(value: &serde_json::Value, into: &mut Vec<String>) {
    if let Some(table) = value.as_object() {
        for (key, value) in table {
            into.push(key.clone());
            keys(value, into);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        keys(item, into);
    }
}

#[test]
fn every_key_is_documented() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let text = r"
        [[listeners]]
        certificates = [{ cert = 'a', key = 'b' }]
        [tls_store.a]
        [[middlewares]]
        name = 'a'
        [[endpoints]]
        path = '/'
        backends = [{ target = 'a:1' }]
        balancer = {}
        nodes = {}
        retry = { conditions = [{ by_header = { name = 'a' } }] }
    ";
    let gateway = clean(parse(Document::new("x", Format::Toml, text))).gateway;
    let mut all = Vec::new();
    keys(&serde_json::to_value(&gateway).unwrap(), &mut all);
    assert!(all.len() > 60, "{}", all.len());
    for key in all.iter().filter(|key| *key != "a") {
        let named = [format!("`{key}`"), format!(".{key}`")];
        assert!(named.iter().any(|name| page.contains(name)), "`{key}` is not documented");
    }
}

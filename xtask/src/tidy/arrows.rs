//! Who may import whom: the table of the architecture, on every kind of dependency.

use toml::{Table, Value};

use super::Report;
use super::repository::{File, Repository};

/// For every member, what it may import of ours. A name that ends in `*` stands for every crate that starts so.
const TABLE: [(&str, &[&str]); 21] = [
    ("gw-alloc", &[]),
    ("gw-core", &[]),
    // The configuration tree and its decoder: as a leaf, it can serve documents and middleware options alike.
    ("gw-value", &[]),
    // Forward proxies as the environment names them: read by gw-config, gone by in gw-client.
    ("gw-egress", &[]),
    ("gw-telemetry", &["gw-core"]),
    ("gw-h1", &[]),
    ("gw-tls", &["gw-core"]),
    ("gw-router", &["gw-core"]),
    ("gw-selector", &["gw-core"]),
    ("gw-discovery", &["gw-core"]),
    ("gw-config", &["gw-core", "gw-egress", "gw-tls", "gw-value"]),
    ("gw-middleware", &["gw-core", "gw-telemetry", "gw-value"]),
    ("gw-middleware-*", &["gw-core", "gw-telemetry", "gw-tls", "gw-middleware", "gw-value"]),
    (
        "gw-client",
        &["gw-core", "gw-egress", "gw-telemetry", "gw-h1", "gw-tls", "gw-selector", "gw-discovery"],
    ),
    ("gw-server", &["gw-core", "gw-telemetry", "gw-h1", "gw-tls"]),
    ("gw-debug", &["gw-core", "gw-telemetry"]),
    (
        "gw-proxy",
        &[
            "gw-core",
            "gw-telemetry",
            "gw-tls",
            "gw-config",
            "gw-router",
            "gw-middleware",
            "gw-client",
            "gw-value",
        ],
    ),
    ("gateway-bin", &["gw-*"]),
    ("gateway-tests", &["gw-*", "gateway-bin"]),
    // Without the command, so that it builds quickly.
    ("gateway-counts", &["gw-*"]),
    ("xtask", &["gw-*", "gateway-bin"]),
];

const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Every member is known to the table and imports what the table allows, all by way of the workspace.
pub(crate) fn check(repository: &Repository, report: &mut Report) {
    let members: Vec<(&File, Table, String)> =
        repository.manifests().filter_map(|file| parse(file, report)).collect();
    for (file, manifest, name) in &members {
        let Some(allowed) = allowed(name) else {
            let line = line_of(&file.text, "[package]", name);
            let remedy = "add it to xtask/src/tidy/arrows.rs";
            report.error(&file.path, line, format!("{name} is not in the import table"), remedy);
            continue;
        };
        for (kind, imported, value) in dependencies(manifest) {
            let line = line_of(&file.text, &format!("{kind}]"), &imported);
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                let remedy = format!(
                    "declare it in the root's [workspace.dependencies], then `{imported}.workspace = true`"
                );
                report.error(&file.path, line, format!("{imported} has a version of its own"), remedy);
            }
            let ours = members.iter().any(|(_, _, member)| *member == imported);
            if ours && !allowed.iter().any(|pattern| matches(pattern, &imported)) {
                let remedy = "turn the arrow round, or move what both need to a crate below";
                report.error(&file.path, line, format!("{name} may not import {imported}"), remedy);
            }
        }
    }
}

fn parse<'a>(file: &'a File, report: &mut Report) -> Option<(&'a File, Table, String)> {
    match file.text.parse::<Table>() {
        Err(error) => {
            report.error(&file.path, 0, format!("not TOML: {}", error.message()), "correct it");
            None
        }
        Ok(manifest) => {
            let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
            Some((file, manifest, name))
        }
    }
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    TABLE.iter().find(|(pattern, _)| matches(pattern, name)).map(|(_, allowed)| *allowed)
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
}

/// Every dependency as kind, package name and value, those of single targets included.
fn dependencies(manifest: &Table) -> Vec<(&'static str, String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = std::iter::once(manifest).chain(targets.filter_map(|(_, target)| target.as_table()));
    let mut found = Vec::new();
    for table in tables {
        for kind in KINDS {
            let entries = table.get(kind).and_then(Value::as_table).into_iter().flatten();
            found.extend(entries.map(|(key, value)| {
                let name = value.get("package").and_then(Value::as_str).unwrap_or(key);
                (kind, name.to_owned(), value)
            }));
        }
    }
    found
}

/// The first line after one that ends with `section` that names `name`; 0 if there is none.
fn line_of(text: &str, section: &str, name: &str) -> usize {
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_end().ends_with(section) {
            inside = true;
        } else if inside && line.contains(name) {
            return at + 1;
        }
    }
    0
}

#[cfg(test)]
mod tests;

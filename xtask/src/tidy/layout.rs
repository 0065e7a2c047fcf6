//! What every module, manifest and decision looks like.

use super::Report;
use super::repository::{File, Repository};

/// Where unsafe code may be, which the workspace's lints forbid (docs/decisions/0008-an-allocator-shim.md).
const UNSAFE: &str = "crates/gw-alloc/Cargo.toml";

/// The list of decisions, which is none itself.
const INDEX: &str = "README.md";

/// Modules open with their docs, crates inherit the workspace's lints, decisions are numbered.
pub(crate) fn check(repository: &Repository, report: &mut Report) {
    for file in repository.rust("") {
        module_docs(file, report);
    }
    for file in repository.manifests() {
        lints(file, report);
    }
    for file in repository.files() {
        if let Some(name) = file.path.strip_prefix("docs/decisions/").filter(|name| *name != INDEX) {
            decision(file, name, report);
        }
    }
}

fn module_docs(file: &File, report: &mut Report) {
    let first = file.text.lines().next().unwrap_or_default();
    if !first.starts_with("//! ") {
        let remedy = "open it with `//!` and one sentence: what it does, then its invariants";
        report.error(&file.path, 1, "the module has no docs in its first line", remedy);
    }
}

fn lints(file: &File, report: &mut Report) {
    let Ok(manifest) = file.text.parse::<toml::Table>() else { return };
    let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    let has_own = file.path == UNSAFE && manifest.contains_key("lints");
    if manifest.contains_key("package") && !has_own && inherits.and_then(toml::Value::as_bool) != Some(true) {
        let remedy = "add `[lints]` with `workspace = true`";
        report.error(&file.path, 0, "the crate does not inherit the workspace's lints", remedy);
    }
}

fn decision(file: &File, name: &str, report: &mut Report) {
    let numbered =
        name.strip_suffix(".md").and_then(|stem| stem.split_once('-')).is_some_and(|(number, title)| {
            let of_title = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            number.len() == 4
                && number.chars().all(|c| c.is_ascii_digit())
                && !title.is_empty()
                && title.chars().all(of_title)
        });
    if !numbered {
        report.error(&file.path, 0, "not a decision's name", "name it NNNN-title.md, e.g. 0007-own-pool.md");
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::testing::expect;

    #[test]
    fn modules_open_with_docs() {
        expect(check, &[("crates/a/src/lib.rs", "//! Does one thing.\nuse b;\n")], &[]);
        for text in ["use b;\n", "", "\n//! Late.\n", "//!\n", "#![allow(x)]\n//! Late.\n"] {
            expect(check, &[("crates/a/src/b.rs", text)], &[("crates/a/src/b.rs:1: error", "no docs")]);
        }
    }

    #[test]
    fn crates_inherit_the_lints() {
        let with = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n";
        expect(check, &[("crates/a/Cargo.toml", with)], &[]);
        for text in ["[package]\nname = \"a\"\n", "[package]\nname = \"a\"\n[lints]\nworkspace = false\n"] {
            expect(check, &[("crates/a/Cargo.toml", text)], &[("crates/a/Cargo.toml: error", "lints")]);
        }
    }

    #[test]
    fn decisions_are_numbered() {
        for path in ["docs/decisions/0001-one-crate-per-idea.md", "docs/decisions/README.md"] {
            expect(check, &[(path, "")], &[]);
        }
        for name in ["1-a.md", "0001.md", "0001-.md", "0001-A.md", "0001_a.md", "0001-a.txt", "notes.md"] {
            let path = format!("docs/decisions/{name}");
            expect(check, &[(path.as_str(), "")], &[(path.as_str(), "not a decision's name")]);
        }
    }
}

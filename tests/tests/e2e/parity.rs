//! The parity table tells the truth about its last column: each row names tests that exist.

use std::path::{Path, PathBuf};

use gateway_tests::root;

/// The Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The names of the tests in a file.
fn tests_in(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        is_test |= ["#[test]", "#[tokio::test"].iter().any(|mark| line.starts_with(mark));
        let function = line.trim_start_matches("pub ").trim_start_matches("async ").strip_prefix("fn ");
        if let (true, Some(function)) = (is_test, function) {
            names.push(function.split('(').next().unwrap().to_owned());
            is_test = false;
        }
    }
    names
}

/// Whether a file is the module `name` or belongs to it.
fn belongs_to(path: &Path, name: &str) -> bool {
    let stem = path.file_stem().is_some_and(|stem| stem == name);
    stem || path.parent().and_then(Path::file_name).is_some_and(|folder| folder == name)
}

/// Whether there is such a test: `e2e `x``, `gateway-tests `x`` for the other suites, or `crate `x``, as the last column has
/// them. `x` is a module that has tests, or one test of it, `module::test`.
fn exists(reference: &str) -> bool {
    let Some((owner, name)) = reference.strip_suffix('`').and_then(|rest| rest.split_once(" `")) else {
        return false;
    };
    let folder = match owner {
        "e2e" => root().join("tests/tests/e2e"),
        "gateway-tests" => root().join("tests/tests"),
        "gateway-bin" => root().join("gateway-bin"),
        owner => root().join("crates").join(owner),
    };
    let (module, test) = name.split_once("::").map_or((name, None), |(module, test)| (module, Some(test)));
    let files = sources(&folder).into_iter().filter(|path| belongs_to(path, module));
    let mut tests = files.flat_map(|path| tests_in(&path));
    tests.any(|found| test.is_none_or(|wanted| found == wanted))
}

#[test]
fn a_reference_is_to_a_module_with_tests_or_to_one_of_them() {
    for there in ["e2e `parity`", "gw-client `h2`", "gw-client `h2::a_closed_connection_is_replaced`"] {
        assert!(exists(there), "{there}");
    }
    // No such crate; a module without tests; no test of the module, but one of another or no test at all.
    for missing in [
        "gw-cliemt `h2`",
        "gw-client `harness`",
        "gw-client `h2::a_refused_connection_is_unsent`",
        "gw-client `h2::serving`",
        "gw-client `h2",
        "–",
    ] {
        assert!(!exists(missing), "{missing}");
    }
}

#[test]
fn every_row_names_tests_that_exist() {
    let text = std::fs::read_to_string(root().join("docs/kratos-parity.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let mut checked = 0;
    let mut wrong = Vec::new();
    for row in rows.filter(|row| !row.starts_with("| the Go gateway |")) {
        let columns: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let tests = columns[columns.len() - 1].split(", ");
        wrong.extend(tests.filter(|test| !exists(test)).map(|test| format!("{test}: {row}")));
        checked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 300, "only {checked}");
}

/// What the original does is listed part by part, and each of its known defects has a row.
#[test]
fn no_part_is_left_out() {
    let text = std::fs::read_to_string(root().join("docs/kratos-parity.md")).unwrap();
    let parts =
        ["1.1", "1.2", "1.3", "1.4", "2.", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9"];
    let more =
        ["4.0", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "5.", "6.", "7.", "8.", "9.", "10.", "11."];
    for part in parts.iter().chain(&more) {
        assert!(text.contains(&format!("## {part} ")), "no part {part}");
    }
    for defect in 1..=23 {
        assert!(text.contains(&format!("\n| B{defect}: ")), "no row for B{defect}");
    }
}

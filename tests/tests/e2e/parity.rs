//! The parity table tells the truth about its last column: each row names tests that exist, or that it is planned.

use std::path::{Path, PathBuf};

use gateway_tests::root;

/// The Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Whether a file is the module `name` or belongs to it, and has tests.
fn is_test_of(path: &Path, name: &str) -> bool {
    let stem = path.file_stem().is_some_and(|stem| stem == name);
    let folder = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == name);
    let text = std::fs::read_to_string(path).unwrap();
    (stem || folder) && ["test]", "::test("].iter().any(|mark| text.contains(mark))
}

/// `e2e `x``, `gateway-tests `x`` for the other suites, or `crate `x``, as the last column has them.
fn exists(reference: &str) -> bool {
    let Some((owner, name)) = reference.split_once(" `") else { return false };
    let name = name.trim_end_matches('`');
    let folder = match owner {
        "e2e" => root().join("tests/tests/e2e"),
        "gateway-tests" => root().join("tests/tests"),
        "gateway-bin" => root().join("gateway-bin"),
        owner => root().join("crates").join(owner),
    };
    sources(&folder).iter().any(|path| is_test_of(path, name))
}

#[test]
fn every_row_names_tests_that_exist() {
    let text = std::fs::read_to_string(root().join("docs/kratos-parity.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let mut checked = 0;
    let mut wrong = Vec::new();
    for row in rows.filter(|row| !row.starts_with("| the Go gateway |")) {
        let columns: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let (here, tests) = (columns[columns.len() - 2], columns[columns.len() - 1]);
        let planned = here.contains("**planned**") && tests == "–";
        wrong.extend(
            tests.split(", ").filter(|test| !planned && !exists(test)).map(|test| format!("{test}: {row}")),
        );
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

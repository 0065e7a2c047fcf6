//! How the checks' tests state their expectations.

use super::{Check, Report, Repository};

/// Runs `check` on the files and compares what it found, each as `level file:line` and a part of its message.
#[track_caller]
pub(crate) fn expect(check: Check, files: &[(&str, &str)], expected: &[(&str, &str)]) {
    let mut report = Report { check: "test", ..Report::default() };
    check(&Repository::of(files), &mut report);
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, (place, message)) in found.iter().zip(expected) {
        assert!(found.starts_with(place), "{found} does not start with {place}");
        assert!(found.contains(message), "{found} does not say {message}");
    }
}

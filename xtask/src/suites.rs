//! The test suites: `test` needs nothing installed, `it` adds the ones with foreign peers.

use std::path::Path;

use crate::peers;
use crate::shell::{cargo, run, succeeds};

/// All tests that need nothing installed.
///
/// # Errors
/// When a test fails or something does not build.
pub(crate) fn test(root: &Path) -> anyhow::Result<()> {
    if succeeds(&mut cargo(root, &["nextest", "--version"])) {
        run(&mut cargo(root, &["nextest", "run", "--workspace", "--no-fail-fast"]))?;
        // nextest runs no doctests.
        run(&mut cargo(root, &["test", "--workspace", "--doc"]))
    } else {
        run(&mut cargo(root, &["test", "--workspace", "--no-fail-fast"]))
    }
}

/// `test`, then every suite with a foreign peer. What is missing is installed; what is missing even then is a
/// failure and never a skipped test.
///
/// # Errors
/// When a peer cannot be installed, or a test fails.
pub(crate) fn integration(root: &Path) -> anyhow::Result<()> {
    test(root)?;
    peers::curl()?;
    let python = peers::python(root)?;
    let suite = ["test", "--package", "gateway-tests", "--features", "peers", "--test", "peers"];
    run(cargo(root, &suite).env("GATEWAY_TEST_PYTHON", python))
}

//! The test suites: `test` needs nothing installed, `it` adds the ones with foreign peers.

use std::path::Path;
use std::process::Command;

use crate::shell::{cargo, run, succeeds};
use crate::{docker, features, peers};

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
    peers::programs()?;
    let python = peers::python(root)?;
    let image = consul(root)?;
    let mut suites = peers_suites(root, "peers", &["peers", "browser", "consul"]);
    run(suites.env("GATEWAY_TEST_PYTHON", python).env("GATEWAY_TEST_CONSUL_IMAGE", image))?;
    features::check(root)?;
    let mut suites = peers_suites(root, "peers,consulrs", &["consul"]);
    run(suites.env("GATEWAY_TEST_CONSUL_CLIENT", "consulrs").env("GATEWAY_TEST_CONSUL_IMAGE", image))
}

fn peers_suites(root: &Path, features: &str, suites: &[&str]) -> Command {
    let mut test = cargo(root, &["test", "--package", "gateway-tests", "--no-fail-fast", "--features"]);
    test.arg(features);
    for suite in suites {
        test.args(["--test", suite]);
    }
    // The suite with Consul prints how long everything took, for people.
    test.args(["--", "--show-output"]);
    test
}

/// Makes sure of the image with Consul, and prints its name.
///
/// # Errors
/// When no Docker daemon can be had, or no image.
pub(crate) fn image(root: &Path) -> anyhow::Result<()> {
    println!("{}", consul(root)?);
    Ok(())
}

fn consul(root: &Path) -> anyhow::Result<&'static str> {
    docker::daemon(root)?;
    docker::remove_stale()?;
    docker::consul(root)
}

//! What is built another way than for use: the features that are off by default, tested like what they replace, the
//! models of threads, and the traffic that what is shipped is laid out by.

use std::path::Path;

use anyhow::Context as _;

use crate::shell::{cargo, run};
use crate::{debian, dist};

/// Lints and tests the features, and explores the models.
///
/// # Errors
/// When a library is missing and cannot be installed, or something fails.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    openssl(root)?;
    for (package, feature) in [
        ("gw-discovery", "consulrs"),
        ("gw-client", "hyper-h1"),
        ("gw-server", "hyper-h1"),
        ("gateway-tests", "hyper-h1"),
        ("gateway-bin", "jemalloc"),
    ] {
        let clippy = ["clippy", "--package", package, "--features", feature, "--all-targets"];
        run(cargo(root, &clippy).args(["--", "-D", "warnings"]))?;
    }
    for [package, feature, kind, test] in [
        ["gateway-bin", "jemalloc", "--test", "heap"],
        ["gw-discovery", "consulrs", "--lib", "consul"],
        ["gw-client", "hyper-h1", "--lib", ""],
        ["gw-server", "hyper-h1", "--test", "server"],
        ["gateway-tests", "hyper-h1", "--test", "hostile"],
    ] {
        run(&mut cargo(root, &["test", "--package", package, "--features", feature, kind, test]))?;
    }
    dist::rehearse(root)?;
    // In a workspace of its own, where the locks of gw-h1 are loom's.
    run(&mut cargo(root, &["test", "--manifest-path", "crates/gw-h1/loom/Cargo.toml", "--test", "models"]))
}

/// Makes sure of what consulrs needs to build; no other part of the gateway does.
fn openssl(root: &Path) -> anyhow::Result<()> {
    let known = std::process::Command::new("pkg-config")
        .args(["--exists", "openssl"])
        .current_dir(root)
        .status()
        .is_ok_and(|status| status.success());
    if known {
        return Ok(());
    }
    debian::install(&["libssl-dev", "pkg-config"])
        .context("cannot install OpenSSL's headers, which consulrs needs")
}

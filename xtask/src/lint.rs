//! `cargo xtask lint`: formatting, clippy, rustdoc, licences and bans.

use std::path::Path;

use crate::shell::{self, cargo, succeeds};

/// The suites with foreign peers.
const PEERS: &str = "gateway-tests/peers";

/// Runs all linters; the first that complains ends it.
///
/// # Errors
/// When one complains or cannot be started.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    shell::run(&mut cargo(root, &["fmt", "--all", "--check"]))?;
    // The features that need libraries of the system are looked at by `it`, which installs those.
    let clippy = ["clippy", "--workspace", "--all-targets", "--features", PEERS, "--", "-D", "warnings"];
    shell::run(&mut cargo(root, &clippy))?;
    let doc = ["doc", "--workspace", "--features", PEERS, "--no-deps"];
    shell::run(cargo(root, &doc).env("RUSTDOCFLAGS", "-D warnings"))?;
    if !succeeds(&mut cargo(root, &["deny", "--version"])) {
        println!(
            "NOT RUN: cargo-deny is not installed, so deny.toml was not checked (cargo install cargo-deny)"
        );
        return Ok(());
    }
    // Advisories change with time and not with a commit, and need the network: `cargo deny check advisories`.
    shell::run(&mut cargo(root, &["deny", "--all-features", "check", "bans", "licenses", "sources"]))
}

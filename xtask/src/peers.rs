//! The foreign peers of `cargo xtask it`: a Python environment with grpcio below the target folder, curl, a browser, a forward proxy.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::debian;
use crate::shell::{run, succeeds, target_dir};

/// What the suites import, by the names that pip knows.
const PACKAGES: [&str; 3] = ["grpcio", "grpcio-tools", "grpcio-health-checking"];
const IMPORTS: &str = "import grpc, grpc_tools, grpc_health.v1.health";

/// The Python that has grpcio, after installing what is missing.
///
/// # Errors
/// When Python or a package is missing and cannot be installed.
pub(crate) fn python(root: &Path) -> anyhow::Result<PathBuf> {
    let venv = target_dir(root).join("peers-venv");
    let python = venv.join("bin/python");
    if succeeds(Command::new(&python).args(["-c", IMPORTS])) {
        return Ok(python);
    }
    environment(&venv)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    run(pip.stdin(Stdio::null())).context("cannot install grpcio, which the peers suite needs")?;
    anyhow::ensure!(
        succeeds(Command::new(&python).args(["-c", IMPORTS])),
        "{} cannot import {} after they were installed",
        python.display(),
        PACKAGES.join(", "),
    );
    Ok(python)
}

/// Makes sure of the programs that the suites start: curl for the demo's lines, a browser, promtool as the judge of the
/// metrics, a forward proxy.
///
/// # Errors
/// When one is missing and cannot be installed.
pub(crate) fn programs() -> anyhow::Result<()> {
    debian::programs(&[
        ("curl", "curl"),
        ("chromium", "chromium"),
        ("promtool", "prometheus"),
        ("tinyproxy", "tinyproxy-bin"),
    ])
}

/// Makes a Python environment; on Debian its module comes in a package of its own.
///
/// # Errors
/// When Python or its module is missing and cannot be installed.
pub(crate) fn environment(venv: &Path) -> anyhow::Result<()> {
    let make = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(venv).stdin(Stdio::null());
        command
    };
    if succeeds(&mut make()) {
        return Ok(());
    }
    debian::install(&["python3", "python3-venv", "python3-pip"])?;
    run(&mut make()).context("cannot make a Python environment")
}

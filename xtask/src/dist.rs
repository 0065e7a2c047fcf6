//! `cargo xtask dist`: the binary as it is shipped. Fat LTO, one codegen unit, and laid out by a profile of real traffic:
//! what every request does stands together, what seldom happens stands apart.
//!
//! Three steps: a build that counts, traffic through it ([`train`]), a build that goes by the counts.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::shell::{cargo, output, run as execute, succeeds, target_dir};
use crate::{certificate, debian};

pub(crate) mod train;

/// How long each kind of traffic lasts.
const SECONDS: u32 = 2;

/// Merges profiles; any release from 19 on reads what rustc's LLVM writes.
const TOOL: &str = "llvm-profdata";
const RELEASES: std::ops::RangeInclusive<u32> = 19..=22;
const PACKAGE: &str = "llvm-19";

/// Builds what is shipped.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Builds nothing to ship: a moment of the traffic, through a debug build.
    #[arg(long)]
    rehearse: bool,
}

/// Builds, or rehearses.
///
/// # Errors
/// Those of [`ship`]; in a rehearsal, when the traffic fails.
pub(crate) fn run(root: &Path, options: Options) -> anyhow::Result<()> {
    if options.rehearse { rehearse(root) } else { ship(root).map(drop) }
}

/// Sends the traffic through a debug build, each kind for a moment.
///
/// # Errors
/// When it fails.
pub(crate) fn rehearse(root: &Path) -> anyhow::Result<()> {
    execute(&mut cargo(root, &["build", "--locked", "--package", "gateway-bin", "--bin", "gateway"]))?;
    let folder = target_dir(root).join("dist-profile/rehearsal");
    std::fs::create_dir_all(&folder)?;
    certificate::make(&folder)?;
    train::run(&target_dir(root).join("debug/gateway"), &folder, 0)
}

/// Builds it, and says where it is.
///
/// # Errors
/// When `llvm-profdata` is missing and cannot be installed, something does not build, or the traffic fails.
pub(crate) fn ship(root: &Path) -> anyhow::Result<PathBuf> {
    let host = host()?;
    let tool = tool(&host)?;
    let folder = target_dir(root).join("dist-profile");
    let raw = folder.join("raw");
    let _ = std::fs::remove_dir_all(&raw);
    std::fs::create_dir_all(&raw)?;
    let counting =
        build(root, &folder.join("counting"), &host, &format!("-Cprofile-generate={}", raw.display()))?;
    certificate::make(&folder)?;
    train::run(&counting, &folder, SECONDS)?;
    let profile = folder.join("gateway.profdata");
    execute(Command::new(&tool).arg("merge").arg("--output").arg(&profile).arg(&raw))?;
    let shipped =
        build(root, &folder.join("shipped"), &host, &format!("-Cprofile-use={}", profile.display()))?;
    check(&tool, &profile, &shipped)?;
    let place = target_dir(root).join("dist/gateway");
    std::fs::create_dir_all(target_dir(root).join("dist"))?;
    std::fs::copy(&shipped, &place).with_context(|| format!("cannot copy {}", shipped.display()))?;
    println!("{}", place.display());
    Ok(place)
}

/// Builds the profile `dist` with one more flag of rustc. For a named target, so that build scripts and macros go
/// without it. Any other setting of the profile would give functions other names, by which their counts are found.
fn build(root: &Path, folder: &Path, host: &str, flag: &str) -> anyhow::Result<PathBuf> {
    let mut command = cargo(root, &["build", "--profile", "dist", "--locked", "--package", "gateway-bin"]);
    command.args(["--bin", "gateway", "--target", host]).arg("--target-dir").arg(folder);
    // Encoded: a folder may have a space in its name.
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").or_else(|_| {
        let flags = std::env::var("RUSTFLAGS")?;
        Ok::<_, std::env::VarError>(flags.split_whitespace().collect::<Vec<_>>().join("\x1f"))
    });
    let flags = flags.ok().filter(|flags| !flags.is_empty()).map(|flags| flags + "\x1f").unwrap_or_default();
    execute(command.env("CARGO_ENCODED_RUSTFLAGS", flags + flag))?;
    Ok(folder.join(host).join("dist/gateway"))
}

/// Whether functions of ours that were counted have the same names in what was built, by which alone counts are found.
fn check(tool: &Path, profile: &Path, shipped: &Path) -> anyhow::Result<()> {
    let shown = output(Command::new(tool).args(["show", "--all-functions"]).arg(profile))?;
    let built = std::fs::read(shipped)?;
    let names: HashSet<&[u8]> = built.split(|byte| *byte == 0).collect();
    let counted =
        shown.lines().filter_map(|line| line.trim().strip_suffix(':')).filter(|name| name.contains("gw_"));
    let (mut all, mut known) = (0, 0);
    for name in counted {
        all += 1;
        known += usize::from(names.contains(name.as_bytes()));
    }
    println!("{known} of the {all} functions of ours that were counted are functions of what was built");
    anyhow::ensure!(known > 0, "the profile is of other functions: what was built does not go by it");
    Ok(())
}

fn host() -> anyhow::Result<String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what it builds for")?.to_owned())
}

/// rustup's, or one of the system's.
fn tool(host: &str) -> anyhow::Result<PathBuf> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let own = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin").join(TOOL);
    let known = RELEASES.rev().map(|release| format!("{TOOL}-{release}").into());
    let candidates: Vec<PathBuf> = std::iter::once(own).chain(known).collect();
    let find = || candidates.iter().find(|tool| succeeds(Command::new(tool).arg("--version"))).cloned();
    if let Some(tool) = find() {
        return Ok(tool);
    }
    let installed = debian::install(&[PACKAGE]).map(|()| find());
    installed.ok().flatten().context(
        "llvm-profdata is missing: `rustup component add llvm-tools` installs it, or a package such as llvm-19",
    )
}

//! Packages of the machine's Debian, and of another release of it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::shell::{run, succeeds};

/// Installs packages, with what the lists say now.
///
/// # Errors
/// When apt is missing or fails, as it does without root.
pub(crate) fn install(packages: &[&str]) -> anyhow::Result<()> {
    run(&mut apt(&["update", "--quiet=2"]))?;
    run(apt(&["install", "--yes", "--quiet=2"]).args(packages))
}

/// Makes sure of programs, each named with the package that has it. All that are missing are installed at once.
///
/// # Errors
/// When one is missing and cannot be installed.
pub(crate) fn programs(wanted: &[(&str, &str)]) -> anyhow::Result<()> {
    let is_there = |name| succeeds(Command::new("sh").args(["-c", "command -v \"$1\"", "sh", name]));
    let missing = wanted.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package);
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing).with_context(|| format!("cannot install {}", missing.join(", ")))
}

/// Downloads a package of this machine's release into `folder`.
///
/// # Errors
/// When apt is missing or fails.
pub(crate) fn download(folder: &Path, package: &str) -> anyhow::Result<()> {
    run(apt(&["download", "--quiet=2", package]).current_dir(folder))
}

/// Downloads a package of another release into `folder`, from where the machine has its own packages.
///
/// # Errors
/// When the machine's sources cannot be read, or apt is missing or fails.
pub(crate) fn download_of(release: &str, folder: &Path, package: &str) -> anyhow::Result<()> {
    let (parts, lists) = (folder.join("parts"), folder.join("lists"));
    std::fs::create_dir_all(&parts)?;
    std::fs::create_dir_all(lists.join("partial"))?;
    let (name, text) = sources(release)?;
    std::fs::write(parts.join(name), text)?;
    let options = [
        "-oDir::Etc::SourceList=/dev/null".to_owned(),
        format!("-oDir::Etc::SourceParts={}", parts.display()),
        format!("-oDir::State::Lists={}", lists.display()),
    ];
    run(apt(&["update", "--quiet=2"]).args(&options))?;
    run(apt(&["download", "--quiet=2", package]).args(&options).current_dir(folder))
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

/// The machine's package source turned to `release`, and a file name for it.
fn sources(release: &str) -> anyhow::Result<(&'static str, String)> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let stanza = read("/etc/apt/sources.list.d/debian.sources");
    if let Some(text) = stanza.split("\n\n").find_map(|stanza| turned_stanza(stanza, release)) {
        return Ok(("other.sources", text));
    }
    let line = read("/etc/apt/sources.list").lines().find_map(|line| turned_line(line, release));
    let line = line.context("neither debian.sources nor sources.list names a Debian archive")?;
    Ok(("other.list", line))
}

/// A stanza of `debian.sources` for another release; none if it is no archive, or that of security updates.
fn turned_stanza(stanza: &str, release: &str) -> Option<String> {
    let archive = stanza.contains("URIs:") && !stanza.contains("-security");
    let line = |line: &str| match line.starts_with("Suites:") {
        true => format!("Suites: {release}\n"),
        false => format!("{line}\n"),
    };
    archive.then(|| stanza.lines().filter(|line| !line.is_empty()).map(line).collect())
}

/// A line of `sources.list` for another release; none if it is no archive, or that of security updates.
fn turned_line(line: &str, release: &str) -> Option<String> {
    let archive = line.strip_prefix("deb ").filter(|_| !line.contains("-security"))?;
    let (options, archive) =
        match archive.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((options, archive)) => (format!("[{options}] "), archive),
            None => (String::new(), archive),
        };
    let address = archive.split_whitespace().next()?;
    Some(format!("deb {options}{address} {release} main\n"))
}

#[cfg(test)]
mod tests {
    use super::{turned_line, turned_stanza};

    #[test]
    fn a_stanza_keeps_all_but_its_suites() {
        let stanza =
            "Types: deb\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\nComponents: main";
        let turned = "Types: deb\nURIs: http://mirror/debian\nSuites: bullseye\nComponents: main\n";
        assert_eq!(turned_stanza(stanza, "bullseye").as_deref(), Some(turned));
        assert_eq!(turned_stanza("URIs: http://mirror/debian-security\nSuites: x-security", "b"), None);
        assert_eq!(turned_stanza("", "bullseye"), None);
    }

    #[test]
    fn a_line_keeps_its_options_and_address() {
        let turned = |line| turned_line(line, "bullseye");
        assert_eq!(
            turned("deb http://m/debian sid main contrib"),
            Some("deb http://m/debian bullseye main\n".into())
        );
        let signed = turned("deb [signed-by=/k a=b] http://m/debian sid main");
        assert_eq!(signed, Some("deb [signed-by=/k a=b] http://m/debian bullseye main\n".into()));
        assert_eq!(turned("deb http://m/debian-security bookworm-security main"), None);
        assert_eq!(turned("# deb http://m/debian sid main"), None);
    }
}

//! Docker for `cargo xtask it`: a daemon that answers, the images that the suites run, and no leftovers.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::shell::{output, run, succeeds, target_dir};
use crate::{consul_image, debian};

/// The official image, which is used where it can be pulled.
const OFFICIAL: &str = "hashicorp/consul:1.20";
/// What is composed of Debian's packages where it cannot; kept, so that the next run finds it.
const COMPOSED: &str = "gateway-test-consul:debian";
/// The label of every container of the suites; its value is the process that it belongs to.
const LABEL: &str = "gateway-test-owner";
/// How long a daemon that we start may take, in seconds.
const START: u32 = 60;
/// How long a pull may take, in seconds.
const PULL: u32 = 300;

/// Makes sure that a daemon answers: installs and starts one where there is none.
///
/// # Errors
/// When none answers even then; that is a failure of the suites, which are never skipped.
pub(crate) fn daemon(root: &Path) -> anyhow::Result<()> {
    if answers() {
        return Ok(());
    }
    if !succeeds(Command::new("dockerd").arg("--version")) {
        debian::install(&["docker.io"])
            .context("cannot install Docker, which runs the Consul of the tests")?;
    }
    let log = target_dir(root).join("dockerd.log");
    let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    println!("$ dockerd # its log: {}", log.display());
    // It outlives this command, as a service would: the next run finds it.
    let mut daemon = Command::new("dockerd");
    daemon.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
    drop(daemon.spawn().context("cannot start dockerd, which runs the Consul of the tests")?);
    let wait = "until docker info >/dev/null 2>&1; do sleep 0.2; done";
    let started = succeeds(Command::new("timeout").args([&START.to_string(), "sh", "-c", wait]));
    anyhow::ensure!(
        started,
        "no Docker daemon answers, which the Consul suite needs: `docker info` fails, and a dockerd that was started \
         did not answer within {START} s (is this root, and a machine that allows containers?); see {}",
        log.display(),
    );
    Ok(())
}

fn answers() -> bool {
    succeeds(Command::new("docker").arg("info"))
}

/// The name of an image with Consul: one that is here, else the official one, else one that is composed.
///
/// # Errors
/// When it can be neither pulled nor composed.
pub(crate) fn consul(root: &Path) -> anyhow::Result<&'static str> {
    let here = |image: &&str| succeeds(Command::new("docker").args(["image", "inspect", image]));
    if let Some(image) = [OFFICIAL, COMPOSED].into_iter().find(here) {
        return Ok(image);
    }
    println!("$ docker pull {OFFICIAL}");
    if succeeds(Command::new("timeout").args([&PULL.to_string(), "docker", "pull", "--quiet", OFFICIAL])) {
        return Ok(OFFICIAL);
    }
    println!("{OFFICIAL} cannot be pulled: an image is composed of Debian's packages");
    let folder = target_dir(root).join("consul-image");
    consul_image::compose(&folder, COMPOSED).context("cannot compose an image with Consul")?;
    Ok(COMPOSED)
}

/// Removes the containers of runs that were killed before they could.
///
/// # Errors
/// When the daemon does not answer.
pub(crate) fn remove_stale() -> anyhow::Result<()> {
    let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
    let filter = format!("label={LABEL}");
    let list =
        output(Command::new("docker").args(["ps", "--all", "--filter", &filter, "--format", &format]))?;
    for id in stale(&list, |process| Path::new("/proc").join(process).exists()) {
        run(Command::new("docker").args(["rm", "--force", "--volumes", id]).stdout(Stdio::null()))?;
    }
    Ok(())
}

/// The containers in a list of `id process` whose process is gone.
fn stale(list: &str, lives: impl Fn(&str) -> bool) -> Vec<&str> {
    let owned = list.lines().filter_map(|line| line.split_once(' '));
    owned.filter(|(_, process)| !lives(process)).map(|(id, _)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::stale;

    #[test]
    fn only_containers_of_dead_processes_are_stale() {
        assert_eq!(stale("aa 1\nbb 2\ncc 3\n", |process| process == "2"), ["aa", "cc"]);
        assert_eq!(stale("", |_| false), [""; 0]);
    }
}

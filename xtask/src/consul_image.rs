//! An image with Consul where none can be pulled: Debian's own package of it, and the C library, in an empty image.
//!
//! Debian 11 was the last release with the package (1.8.7). What later versions added, it lacks.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::debian;
use crate::shell::run;

/// The last Debian release that packages Consul.
const RELEASE: &str = "bullseye";

/// Makes the image `tag`, with its parts in `folder`, which is emptied before and removed afterwards.
///
/// # Errors
/// When a package cannot be had, or a step fails.
pub(crate) fn compose(folder: &Path, tag: &str) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    let root = folder.join("root");
    // What the agent expects to exist in an image that has nothing else.
    for path in ["tmp", "consul/data"] {
        std::fs::create_dir_all(root.join(path))?;
    }
    debian::download_of(RELEASE, folder, "consul").context("cannot download Debian's package of Consul")?;
    debian::download(folder, "libc6").context("cannot download the C library")?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").args([&path, &root]))?;
        }
    }
    let archive = folder.join("image.tar");
    run(Command::new("tar")
        .arg("-C")
        .arg(&root)
        .args(["--exclude=usr/share", "-cf"])
        .arg(&archive)
        .arg("."))?;
    let mut import = Command::new("docker");
    import.args(["import", "--change", r#"ENTRYPOINT ["/usr/bin/consul"]"#, "--change", "EXPOSE 8500"]);
    run(import.arg(&archive).arg(tag).stdout(Stdio::null()))?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

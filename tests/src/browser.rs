//! A real browser, without a window, that has one page open.

use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::process::signal;
use crate::within;

/// A running Chromium with a profile of its own. Its drop kills it; [`close`](Self::close) also looks after the rest.
pub struct Browser {
    child: Child,
    profile: TempDir,
}

/// Every name below `.test` is this machine, and nothing else has an address: the browser talks to the tests alone.
const NAMES: &str = "--host-resolver-rules=MAP *.test 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE 127.0.0.1";

impl Browser {
    /// Starts one that opens `url`.
    ///
    /// # Panics
    /// When there is no `chromium`, which `cargo xtask it` installs.
    pub fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", NAMES]);
        command.args(["--no-first-run", "--no-proxy-server", "--disable-background-networking"]);
        command.args(["--disable-component-update", "--disable-extensions", "--disable-breakpad"]);
        command.arg(format!("--user-data-dir={}", profile.path().join("profile").display())).arg(url);
        // What it keeps beside the profile is kept here too.
        command.env("HOME", profile.path()).env("TMPDIR", profile.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().expect("chromium starts: `cargo xtask it` installs it");
        Self { child, profile }
    }

    /// Ends it, and removes all that it has written.
    ///
    /// # Panics
    /// When it does not end, or has ended by itself.
    pub async fn close(mut self) {
        signal(self.child.id().expect("the browser still runs"), "TERM");
        within("the browser ends", self.child.wait()).await.unwrap();
        // Its own children write on for a moment after it has ended.
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let removed = async {
            while std::fs::remove_dir_all(self.profile.path()).is_err() {
                ticks.tick().await;
            }
        };
        within("nobody writes into the profile any more", removed).await;
    }
}

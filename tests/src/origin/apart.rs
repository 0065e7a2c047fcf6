//! An origin as a process of its own.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::gateway::built;
use crate::within;

/// An echoing upstream in a process of its own, which can die as processes do. Its drop kills it.
pub struct OriginProcess {
    child: Child,
    address: SocketAddr,
}

impl OriginProcess {
    /// Starts one on a free port of `host`.
    ///
    /// # Panics
    /// When it was not built, or `host` is no address of this machine.
    pub async fn start(host: IpAddr, name: &str) -> Self {
        let mut command = Command::new(built("origin"));
        command.args([name, &host.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("the origin starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = within("the origin's address", lines.next_line()).await.expect("readable");
        let address = line.expect("the origin serves").parse().expect("an address");
        Self { child, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Panics
    /// When the system refuses.
    pub async fn kill(&mut self) {
        within("the origin dies", self.child.kill()).await.expect("it runs");
    }
}

//! The gateway under test: the compiled command as a child process, on free ports.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;

use crate::process::{signal, threads};
use crate::{Caller, Format, Usage, within};

/// A running gateway. Its drop kills it.
pub struct Gateway {
    child: Child,
    id: u32,
    log: watch::Receiver<Vec<String>>,
    listeners: watch::Receiver<Listeners>,
    printed: watch::Receiver<Vec<String>>,
    config: Option<(TempDir, PathBuf)>,
}

/// The listeners that it has announced, by name.
type Listeners = Vec<(String, SocketAddr)>;

/// The name under which the admin listener is announced.
const ADMIN: &str = "admin";
/// The command under test.
const COMMAND: &str = "gateway-under-test";
/// A free port.
const FREE: &str = "127.0.0.1:0";

impl Gateway {
    /// Starts one with this configuration and waits until it serves, on a free port, unless the text configures
    /// listeners, and with the admin port on another.
    ///
    /// # Panics
    /// When it does not start; the message has its log.
    pub async fn start(config: &str, format: Format) -> Self {
        Self::start_with(config, format, |_| ()).await
    }

    /// As [`start`](Self::start), with the command changed before: its environment, further arguments.
    ///
    /// # Panics
    /// When it does not start; the message has its log.
    pub async fn start_with(config: &str, format: Format, change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("gateway.{}", format.extension()));
        std::fs::write(&path, config).unwrap();
        let mut arguments = vec!["-conf", path.to_str().unwrap(), "-admin", FREE];
        arguments.extend(["-drain-delay", "500ms", "-grace", "5s"]);
        if !config.contains("listeners") {
            arguments.extend(["-addr", FREE]);
        }
        let mut command = command(&arguments);
        change(&mut command);
        let mut gateway = Self::spawn(command);
        gateway.config = Some((folder, path));
        gateway.serving().await;
        gateway
    }

    /// Starts the command with these arguments and waits for nothing.
    ///
    /// # Panics
    /// When it was not built.
    pub fn spawn_binary(arguments: &[&str]) -> Self {
        Self::spawn(command(arguments))
    }

    /// Starts a [`command`] and waits for nothing.
    ///
    /// # Panics
    /// When it was not built.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the gateway command starts");
        let (write, log) = watch::channel(Vec::new());
        let (announce, listeners) = watch::channel(Vec::new());
        let stderr = child.stderr.take().unwrap();
        tokio::spawn(follow(stderr, write, announce));
        let (print, printed) = watch::channel(Vec::new());
        tokio::spawn(copy(child.stdout.take().unwrap(), print));
        let id = child.id().unwrap();
        Self { child, id, log, listeners, printed, config: None }
    }

    /// Waits until it has announced a listener for requests and the admin listener.
    ///
    /// # Panics
    /// When it ends before; the message has its log.
    pub async fn serving(&mut self) {
        let both = |listeners: &Listeners| {
            listeners.iter().any(|(name, _)| name == ADMIN) && listeners.iter().any(|(name, _)| name != ADMIN)
        };
        let served = within("the gateway serves", self.listeners.wait_for(both)).await.is_ok();
        assert!(served, "the gateway ended before it served:\n{}", self.log());
    }

    /// The first listener for requests.
    ///
    /// # Panics
    /// When there is none yet.
    pub fn address(&self) -> SocketAddr {
        self.listener(|name| name != ADMIN)
    }

    /// Every listener for requests, in the order of their announcement.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let listeners = self.listeners.borrow();
        listeners.iter().filter(|(name, _)| name != ADMIN).map(|(_, address)| *address).collect()
    }

    /// The listener with this name.
    ///
    /// # Panics
    /// When there is none yet.
    pub fn named(&self, name: &str) -> SocketAddr {
        self.listener(|found| found == name)
    }

    /// The admin listener.
    ///
    /// # Panics
    /// When there is none yet.
    pub fn admin(&self) -> SocketAddr {
        self.named(ADMIN)
    }

    fn listener(&self, wanted: impl Fn(&str) -> bool) -> SocketAddr {
        let listeners = self.listeners.borrow();
        let found = listeners.iter().find(|(name, _)| wanted(name));
        found.unwrap_or_else(|| panic!("no such listener in {listeners:?}:\n{}", self.log())).1
    }

    /// Replaces the configuration file, whole: the new text is renamed onto it.
    ///
    /// # Panics
    /// When it was not started with a file.
    pub fn rewrite(&self, config: &str) {
        let (folder, path) = self.config.as_ref().expect("started with a file");
        let next = folder.path().join("next");
        std::fs::write(&next, config).unwrap();
        std::fs::rename(&next, path).unwrap();
    }

    /// Waits until the configuration whose `version` is this serves.
    ///
    /// # Panics
    /// When it never does; the message has the log.
    pub async fn live(&self, version: &str) {
        let mut admin = Caller::http1(self.admin()).await;
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(2));
        let polled = async {
            while admin.get("/debug/config/version").await.json()["version"] != version {
                ticks.tick().await;
            }
        };
        within(&format!("version {version} serves"), polled).await;
    }

    /// What its process uses.
    pub fn usage(&self) -> Usage {
        Usage::of(self.id)
    }

    /// The names of its threads, once each of them has one: a new one has its parent's at first.
    ///
    /// # Panics
    /// When one never has.
    pub async fn threads(&self) -> Vec<String> {
        let program = built(COMMAND).file_name().unwrap().to_str().unwrap().to_owned();
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(2));
        let named = async {
            loop {
                let threads = threads(self.id);
                if !threads.iter().any(|name| program.starts_with(name)) {
                    return threads;
                }
                ticks.tick().await;
            }
        };
        within("each thread has its name", named).await
    }

    /// Sends a signal: `TERM`, `HUP`, `INT` or `KILL`.
    pub fn signal(&self, name: &str) {
        signal(self.id, name);
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not.
    pub async fn ended(&mut self) -> ExitStatus {
        within("the gateway ends", self.child.wait()).await.unwrap()
    }

    /// Ends it as Ctrl-C does, and waits.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal("INT");
        self.ended().await
    }

    /// The lines on standard output that are `wanted`, once there are `count` of them or it has ended.
    pub async fn printed(&mut self, wanted: impl Fn(&str) -> bool, count: usize) -> Vec<String> {
        let select =
            |lines: &Vec<String>| lines.iter().filter(|line| wanted(line)).cloned().collect::<Vec<_>>();
        let enough = self.printed.wait_for(|lines| select(lines).len() >= count).await;
        enough.map_or_else(|_| Vec::new(), |lines| select(&lines))
    }

    /// What it has written to standard error.
    pub fn log(&self) -> String {
        self.log.borrow().join("\n")
    }

    /// The first line on standard error that is `wanted`, once there is one.
    ///
    /// # Panics
    /// When it ends before; the message has its log.
    pub async fn logged(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut log = self.log.clone();
        let find = |lines: &Vec<String>| lines.iter().find(|line| wanted(line)).cloned();
        match within(what, log.wait_for(|lines| find(lines).is_some())).await {
            Ok(lines) => find(&lines).unwrap_or_default(),
            Err(_) => panic!("the gateway ended before this: {what}\n{}", self.log()),
        }
    }

    /// Waits until it ends by itself, and until everything that it wrote to standard error was read.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn last_words(&mut self) -> (ExitStatus, String) {
        let status = self.ended().await;
        // The writer is dropped at the stream's end.
        let _ = within("its log ends", self.log.wait_for(|_| false)).await;
        (status, self.log())
    }
}

/// The gateway command with these arguments; nothing of it is shown, and dropping it kills it.
///
/// # Panics
/// When it was not built.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(built(COMMAND));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("RUST_LOG").env_remove("NO_COLOR").kill_on_drop(true);
    command
}

/// A command of this package, which lies a folder above the running test: `target/debug/deps/<test>`.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: cargo builds it for the tests of this package", path.display());
    path
}

async fn follow(stderr: ChildStderr, log: watch::Sender<Vec<String>>, announce: watch::Sender<Listeners>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(listener) = listening(&line) {
            announce.send_modify(|listeners| listeners.push(listener));
        }
        log.send_modify(|log| log.push(line));
    }
}

async fn copy(stdout: ChildStdout, print: watch::Sender<Vec<String>>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        print.send_modify(|lines| lines.push(line));
    }
}

/// The listener that a line of the JSON log announces: the message `listening`, with `listener` and `address`.
fn listening(line: &str) -> Option<(String, SocketAddr)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    (fields.get("message")? == "listening").then_some(())?;
    let name = fields.get("listener")?.as_str()?.to_owned();
    Some((name, fields.get("address")?.as_str()?.parse().ok()?))
}

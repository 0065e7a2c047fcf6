//! A steady load, bounded by its number of callers: each asks anew when its answer is complete.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{Caller, empty, within};

/// How a failure begins that befell a connection which had been used before.
pub const REUSED: &str = "reused: ";
/// How a failure begins that befell a new connection.
pub const NEW: &str = "new: ";
/// How a failure to connect begins.
pub const CONNECT: &str = "connect: ";

/// What became of a load's requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Answered with 200.
    pub ok: usize,
    /// All others: the status, or why there was no answer.
    pub failures: Vec<String>,
}

/// A running load.
pub struct Load {
    stop: watch::Sender<bool>,
    done: Arc<watch::Sender<usize>>,
    callers: JoinSet<Tally>,
}

impl Load {
    /// Starts `callers` that get `target` over connections of their own.
    pub fn start(address: SocketAddr, callers: usize, target: &str) -> Self {
        let stop = watch::Sender::new(false);
        let done = Arc::new(watch::Sender::new(0));
        let mut set = JoinSet::new();
        for _ in 0..callers {
            set.spawn(run(address, target.to_owned(), stop.subscribe(), Arc::clone(&done)));
        }
        Self { stop, done, callers: set }
    }

    /// Waits until so many more requests than now were answered or failed.
    ///
    /// # Panics
    /// When they never are.
    pub async fn more(&self, requests: usize) {
        let mut done = self.done.subscribe();
        let goal = *done.borrow() + requests;
        let _ = within("the load goes on", done.wait_for(|done| *done >= goal)).await;
    }

    /// Lets every caller finish its request, and adds up.
    ///
    /// # Panics
    /// When a caller hangs.
    pub async fn stop(self) -> Tally {
        self.stop.send_replace(true);
        let tallies = within("the load ends", self.callers.join_all()).await;
        tallies.into_iter().fold(Tally::default(), |mut sum, tally| {
            sum.ok += tally.ok;
            sum.failures.extend(tally.failures);
            sum
        })
    }
}

async fn run(
    address: SocketAddr,
    target: String,
    stop: watch::Receiver<bool>,
    done: Arc<watch::Sender<usize>>,
) -> Tally {
    let mut tally = Tally::default();
    let mut caller = None;
    while !*stop.borrow() {
        match ask(address, &target, &mut caller).await {
            Ok(()) => tally.ok += 1,
            Err(failure) => {
                caller = None;
                tally.failures.push(failure);
            }
        }
        done.send_modify(|done| *done += 1);
    }
    tally
}

async fn ask(address: SocketAddr, target: &str, slot: &mut Option<Caller>) -> Result<(), String> {
    let reused = slot.is_some();
    let caller = match slot {
        Some(caller) => caller,
        None => slot.insert(Caller::try_http1(address).await.map_err(|error| format!("{CONNECT}{error}"))?),
    };
    let request = caller.request("GET", target).body(empty()).map_err(|error| error.to_string())?;
    let answer = caller.try_call(request).await.map_err(|error| match reused {
        true => format!("{REUSED}{error:?}"),
        false => format!("{NEW}{error:?}"),
    })?;
    let last = answer.header("connection").eq_ignore_ascii_case("close");
    if last {
        *slot = None;
    }
    if answer.status == 200 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text())) }
}

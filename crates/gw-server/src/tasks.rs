//! The tasks of a worker, counted by name, so that each one spawned is listed while it lives.
//!
//! A task belongs to its worker's runtime and ends with it at the latest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;

/// What tasks are for; the name in `/debug/tasks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Accepts on one listener.
    Accept,
    /// Serves one connection.
    Connection,
    /// Serves one HTTP/2 stream.
    Stream,
    /// Finds stalled connections.
    Sweep,
    /// Runs one upgraded connection.
    Tunnel,
}

const NAMES: [&str; 5] = ["accept", "connection", "stream", "sweep", "tunnel"];

/// Counts the live tasks of one worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(Arc<[AtomicUsize; NAMES.len()]>);

impl Tasks {
    /// Spawns onto the current runtime.
    pub(crate) fn spawn<F>(&self, kind: Kind, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let counted = Counted::new(self.clone(), kind);
        // An async block would store the task twice.
        tokio::spawn(task.map(move |()| drop(counted)));
    }

    /// Name and number of every kind of task.
    pub(crate) fn counts(&self) -> Vec<(&'static str, usize)> {
        NAMES.iter().zip(self.0.iter()).map(|(name, count)| (*name, count.load(Ordering::Relaxed))).collect()
    }
}

/// A task that counts as long as it lives, even one that is dropped unpolled.
struct Counted(Tasks, Kind);

impl Counted {
    fn new(tasks: Tasks, kind: Kind) -> Self {
        tasks.0[kind as usize].fetch_add(1, Ordering::Relaxed);
        Self(tasks, kind)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0[self.1 as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_counts_while_it_lives() {
        let tasks = Tasks::default();
        let (done, wait) = tokio::sync::oneshot::channel::<()>();
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn(Kind::Tunnel, async move {
            let _ended = ended;
            let _ = wait.await;
        });
        assert_eq!(tasks.counts()[4], ("tunnel", 1));
        drop(done);
        let _ = end.await;
        tokio::task::yield_now().await;
        assert_eq!(tasks.counts()[4], ("tunnel", 0));
    }
}

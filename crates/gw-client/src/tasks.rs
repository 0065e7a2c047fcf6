//! The one place where this crate spawns: every task is counted, and ends with its connection or its cluster.

use std::sync::Arc;

use gw_discovery::Spawn;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The tasks of a factory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(TaskTracker);

impl Tasks {
    /// Runs `task` on the runtime at hand: a worker's.
    pub(crate) fn spawn<F>(&self, task: F) -> AbortHandle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.spawn(task).abort_handle()
    }

    /// Runs `task` on `runtime` until the handle is dropped.
    pub(crate) fn spawn_on<F>(&self, task: F, runtime: &Handle) -> AbortOnDropHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        AbortOnDropHandle::new(self.0.spawn_on(task, runtime))
    }

    /// Runs tasks on `runtime` that end by themselves.
    pub(crate) fn spawner(&self, runtime: Handle) -> Spawn {
        let tracker = self.0.clone();
        Arc::new(move |task| drop(tracker.spawn_on(task, &runtime)))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What hyper spawns for an HTTP/2 connection.
impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

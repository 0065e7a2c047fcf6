//! What middlewares run beside requests: each task has a name, an owner, and ends with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

type Running = Arc<Mutex<BTreeMap<&'static str, usize>>>;

/// Runs tasks on the control runtime, and knows which run.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    runtime: Option<Handle>,
    running: Running,
}

impl Tasks {
    /// Runs nothing: for configurations that are only checked.
    pub fn none() -> Self {
        Self::default()
    }

    /// Runs tasks on `runtime`.
    pub fn on(runtime: Handle) -> Self {
        Self { runtime: Some(runtime), running: Running::default() }
    }

    /// How many run, by name.
    pub fn running(&self) -> BTreeMap<&'static str, usize> {
        self.running.lock().clone()
    }

    /// Runs `task` until it ends or the guard is dropped.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> TaskGuard {
        let Some(runtime) = &self.runtime else { return TaskGuard(None) };
        let listed = Listed::new(name, &self.running);
        let task = async move {
            task.await;
            drop(listed);
        };
        TaskGuard(Some(runtime.spawn(task).abort_handle()))
    }
}

/// A task that ends when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct TaskGuard(Option<AbortHandle>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// A task in the list.
struct Listed {
    name: &'static str,
    running: Running,
}

impl Listed {
    fn new(name: &'static str, running: &Running) -> Self {
        *running.lock().entry(name).or_default() += 1;
        Self { name, running: Arc::clone(running) }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut running = self.running.lock();
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_listed_until_its_guard_is_dropped() {
        let tasks = Tasks::on(Handle::current());
        let guard = tasks.spawn("sampler", std::future::pending());
        let ended = tasks.spawn("once", async {});
        tokio::task::yield_now().await;
        assert_eq!(tasks.running().into_iter().collect::<Vec<_>>(), [("sampler", 1)]);
        drop((guard, ended));
        tokio::task::yield_now().await;
        assert!(tasks.running().is_empty());
    }

    #[test]
    fn without_a_runtime_nothing_runs() {
        let tasks = Tasks::none();
        let _guard = tasks.spawn("never", async { panic!("it ran") });
        assert!(tasks.running().is_empty());
    }
}

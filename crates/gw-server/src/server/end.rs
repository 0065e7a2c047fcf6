//! The end of a worker's thread, which nobody asked for unless the server stops.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::error::WorkerFailed;
use crate::worker::Shared;

/// Held by a worker's thread: tells when it ends, by whatever way.
pub(super) struct End {
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
    pub(super) fail: watch::Sender<Option<WorkerFailed>>,
    pub(super) _alive: mpsc::Sender<()>,
}

impl Drop for End {
    fn drop(&mut self) {
        if !*self.shared.stop.borrow() {
            let failed = WorkerFailed { worker: self.index };
            self.fail.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(failed);
                is_first
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use gw_core::{BoxFuture, ConnContext, Handler, Request, Response};
    use tokio::sync::Notify;

    use super::*;

    struct Never;

    impl Handler for Never {
        fn call(&self, _: Request, _: Arc<ConnContext>) -> BoxFuture<'_, Response> {
            Box::pin(std::future::pending())
        }
    }

    /// What is told when a worker's thread ends, by a panic or in order, asked to stop or not.
    fn end(stopped: bool, panics: bool) -> Option<WorkerFailed> {
        let (stop, _) = watch::channel(stopped);
        let shared = Shared {
            handler: Arc::new(Never),
            observer: Arc::new(()),
            workers: Vec::new(),
            ended: Notify::new(),
            stop,
        };
        let (fail, failed) = watch::channel(None);
        let (alive, _ended) = mpsc::channel(1);
        let end = End { shared: Arc::new(shared), index: 3, fail, _alive: alive };
        let thread = std::thread::spawn(move || {
            let _end = end;
            assert!(!panics, "on purpose");
        });
        assert_eq!(thread.join().is_err(), panics);
        *failed.borrow()
    }

    #[test]
    fn a_worker_that_ends_unasked_has_failed() {
        assert_eq!(end(false, true), Some(WorkerFailed { worker: 3 }));
        assert_eq!(end(false, false), Some(WorkerFailed { worker: 3 }));
        assert_eq!(end(true, false), None);
    }
}

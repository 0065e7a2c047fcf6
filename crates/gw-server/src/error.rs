//! What can fail when a server starts or binds.

use std::io;

use crate::ListenAddress;

/// Why a listener could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another socket holds the address.
    #[error("cannot listen on {address}: the address is taken by another process or listener")]
    InUse {
        /// The address asked for.
        address: ListenAddress,
        /// The system's error.
        source: io::Error,
    },
    /// The system refused for another reason: no permission, no such address.
    #[error("cannot listen on {address}")]
    Refused {
        /// The address asked for.
        address: ListenAddress,
        /// The system's error.
        source: io::Error,
    },
    /// Two listeners of one configuration ask for the same address.
    #[error("two listeners ask for {address}")]
    Duplicate {
        /// The address asked for.
        address: ListenAddress,
    },
    /// The server drains or has ended.
    #[error("the server is stopping")]
    Stopping,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No worker was asked for.
    #[error("a server needs at least one worker")]
    NoWorkers,
    /// A worker's runtime could not be made.
    #[error("cannot make the runtime of worker {worker}")]
    Runtime {
        /// The worker's index.
        worker: usize,
        /// The system's error.
        source: io::Error,
    },
    /// A worker's thread could not be made.
    #[error("cannot start the thread of worker {worker}")]
    Thread {
        /// The worker's index.
        worker: usize,
        /// The system's error.
        source: io::Error,
    },
}

/// A worker that ended though nobody asked it to. The process should drain and exit 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("worker {worker} ended unexpectedly")]
pub struct WorkerFailed {
    /// The worker's index.
    pub worker: usize,
}

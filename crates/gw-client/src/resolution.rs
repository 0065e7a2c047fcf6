//! What a name or service stands for at the moment, watched once however many clusters use it.
//!
//! The watch runs on the control runtime and ends with the last cluster that uses it, so that a reload which keeps a
//! name keeps its addresses too.

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use gw_core::Clock;
use gw_discovery::{Discovery, Instance, Snapshot};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::tasks::{OwnedTask, Tasks};

/// What is known of a name or service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The instances of the last good answer; `None` before the first.
    pub(crate) instances: Option<Arc<[Instance]>>,
    /// When the last answer of any kind came.
    pub(crate) at: Option<Instant>,
    /// Why the last question had no answer.
    pub(crate) error: Option<String>,
}

/// The watch of one name or service.
#[derive(Debug)]
pub(crate) struct Resolution {
    known: watch::Receiver<Known>,
    _task: OwnedTask,
}

impl Resolution {
    pub(crate) fn start(
        source: &dyn Discovery,
        service: &str,
        clock: Clock,
        tasks: &Tasks,
        control: &Handle,
    ) -> Arc<Self> {
        let (tell, known) = watch::channel(Known::default());
        let mut answers = source.watch(service);
        let service = service.to_owned();
        let task = async move {
            while let Some(answer) = answers.next().await {
                let at = Some(clock.now());
                match answer {
                    Ok(Snapshot { instances, .. }) => {
                        tracing::info!(service, instances = instances.len(), "resolved");
                        tell.send_replace(Known { instances: Some(instances), at, error: None });
                    }
                    Err(error) => {
                        let error = chain(&error);
                        tracing::warn!(service, error, "cannot resolve: the last answer stays in force");
                        tell.send_modify(|known| (known.at, known.error) = (at, Some(error)));
                    }
                }
            }
        };
        Arc::new(Self { known, _task: tasks.spawn_on(task, control) })
    }

    pub(crate) fn known(&self) -> Known {
        self.known.borrow().clone()
    }

    /// Tells of changes; the first one at once if there is an answer already.
    pub(crate) fn changes(&self) -> watch::Receiver<Known> {
        self.known.clone()
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

//! The task of a watch: it follows the source, and begins again whatever happens to the stream.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::select;
use futures_util::{FutureExt, StreamExt};
use gw_core::Clock;
use tokio::sync::{oneshot, watch};

use super::Known;
use crate::backoff::Backoff;
use crate::{Discovery, Snapshot};

pub(super) struct Supervisor {
    pub(super) source: Arc<dyn Discovery>,
    pub(super) service: String,
    pub(super) known: watch::Sender<Known>,
    pub(super) clock: Clock,
    pub(super) backoff: Backoff,
}

impl Supervisor {
    /// Runs until the other half of `ended` is dropped.
    pub(super) async fn run(mut self, ended: oneshot::Receiver<Infallible>) {
        select(ended, pin!(self.supervise())).await;
    }

    async fn supervise(&mut self) -> Infallible {
        loop {
            // Nothing of a stream that panicked is used again; what is known changes only as a whole.
            let why = match AssertUnwindSafe(self.follow()).catch_unwind().await {
                Ok(()) => "the watch ended",
                Err(_) => "the watch panicked",
            };
            tracing::error!(service = self.service, "{why}: it begins again");
            self.failed(why);
            tokio::time::sleep(self.backoff.wait()).await;
        }
    }

    async fn follow(&mut self) {
        let mut answers = self.source.watch(&self.service);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(snapshot) => self.answered(&snapshot),
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(service = self.service, error, "cannot resolve: what is known stays");
                    self.failed(&error);
                }
            }
        }
    }

    fn answered(&mut self, snapshot: &Snapshot) {
        self.backoff.reset();
        let held = snapshot.instances.iter().filter(|instance| instance.held).count();
        tracing::info!(service = self.service, instances = snapshot.instances.len(), held, "resolved");
        let now = self.clock.now();
        self.known.send_modify(|known| known.answer(snapshot, now));
    }

    fn failed(&self, error: &str) {
        let now = self.clock.now();
        self.known.send_modify(|known| known.fail(error, now));
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

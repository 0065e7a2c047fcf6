//! The task of a watch: what the source says becomes what is known.

use std::convert::Infallible;
use std::pin::pin;

use futures_util::StreamExt;
use futures_util::future::select;
use gw_core::Clock;
use tokio::sync::{oneshot, watch};

use super::Known;
use crate::{BoxStream, DiscoveryError, Snapshot};

/// Follows `answers` until the other half of `ended` is dropped.
pub(super) async fn follow(
    service: String,
    mut answers: BoxStream<'static, Result<Snapshot, DiscoveryError>>,
    known: watch::Sender<Known>,
    clock: Clock,
    ended: oneshot::Receiver<Infallible>,
) {
    let follow = async {
        while let Some(answer) = answers.next().await {
            let now = clock.now();
            match answer {
                Ok(snapshot) => {
                    let held = snapshot.instances.iter().filter(|instance| instance.held).count();
                    tracing::info!(service, instances = snapshot.instances.len(), held, "resolved");
                    known.send_modify(|known| known.answer(&snapshot, now));
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(service, error, "cannot resolve: what is known stays");
                    known.send_modify(|known| known.fail(&error, now));
                }
            }
        }
    };
    select(ended, pin!(follow)).await;
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

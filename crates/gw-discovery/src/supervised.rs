//! A watch that is begun again whatever happens to it, so that its user sees one that never ends.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, stream};

use crate::backoff::Backoff;
use crate::{BoxStream, Discovery, DiscoveryError, Snapshot};

/// Watches `service`. An end or a panic of the source's stream is told as a failure, and the stream is begun again
/// after a wait that grows until there is an answer.
pub(crate) fn watch(
    source: Arc<dyn Discovery>,
    service: &str,
    backoff: Backoff,
) -> BoxStream<'static, Result<Snapshot, DiscoveryError>> {
    let watch = Watch { source, service: service.to_owned(), backoff, answers: None, broken: false };
    Box::pin(stream::unfold(watch, |mut watch| async {
        let item = watch.next().await;
        Some((item, watch))
    }))
}

struct Watch {
    source: Arc<dyn Discovery>,
    service: String,
    backoff: Backoff,
    answers: Option<BoxStream<'static, Result<Snapshot, DiscoveryError>>>,
    broken: bool,
}

impl Watch {
    async fn next(&mut self) -> Result<Snapshot, DiscoveryError> {
        if std::mem::take(&mut self.broken) {
            tokio::time::sleep(self.backoff.wait()).await;
        }
        // Nothing of a stream that panicked is used again.
        let why = match AssertUnwindSafe(self.answer()).catch_unwind().await {
            Ok(Some(answer)) => {
                if answer.is_ok() {
                    self.backoff.reset();
                }
                return answer;
            }
            Ok(None) => "the watch ended",
            Err(_) => "the watch panicked",
        };
        tracing::error!(service = self.service, "{why}: it begins again");
        (self.answers, self.broken) = (None, true);
        Err(DiscoveryError::Unavailable { service: self.service.clone(), source: why.into() })
    }

    async fn answer(&mut self) -> Option<Result<Snapshot, DiscoveryError>> {
        let Self { answers, source, service, .. } = self;
        answers.get_or_insert_with(|| source.watch(service)).next().await
    }
}

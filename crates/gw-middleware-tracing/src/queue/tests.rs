//! Batches by size, by time and on demand; what is lost when it is full.

use std::sync::Arc;

use gw_core::{EndpointInfo, Outcome};
use gw_telemetry::BuildInfo;
use http::Method;

use super::*;
use crate::ids::SpanId;
use crate::span::{Attempted, Of};
use crate::testing;

fn span(number: u32) -> Span {
    let trace = testing::trace(EndpointInfo::default());
    let attempted = Attempted {
        id: SpanId(1),
        method: Method::GET,
        number,
        status: None,
        outcome: Outcome::Ok,
        noted: None,
    };
    let began = std::time::UNIX_EPOCH;
    Span { trace: Arc::clone(&trace), started: began, ended: began, of: Of::Attempt(attempted) }
}

fn numbers(batch: Option<Vec<Span>>) -> Option<Vec<u32>> {
    let number = |span: &Span| match &span.of {
        Of::Attempt(attempted) => attempted.number,
        Of::Request(..) => 0,
    };
    batch.map(|batch| batch.iter().map(number).collect())
}

struct Fixture {
    metrics: Arc<Metrics>,
    queue: Queue,
    flush: Flush,
    batches: Batches,
}

fn fixture() -> Fixture {
    let metrics = Metrics::new(1, BuildInfo::default());
    let (queue, flush, batches) = queue(Lost::new(&metrics));
    Fixture { metrics, queue, flush, batches }
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_until_it_is_full_or_late() {
    let Fixture { queue, mut batches, .. } = fixture();
    let began = Instant::now();
    (0..600).for_each(|number| queue.push(0, span(number)));
    assert_eq!(numbers(batches.next().await), Some((0..512).collect()));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(numbers(batches.next().await), Some((512..600).collect()));
    assert_eq!(began.elapsed(), DELAY);
}

#[tokio::test(start_paused = true)]
async fn the_first_span_of_a_batch_sets_its_time() {
    let Fixture { queue, mut batches, .. } = fixture();
    let began = Instant::now();
    let later = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        queue.push(0, span(1));
        tokio::time::sleep(Duration::from_secs(4)).await;
        queue.push(0, span(2));
    };
    let (batch, ()) = tokio::join!(batches.next(), later);
    assert_eq!((numbers(batch), began.elapsed()), (Some(vec![1, 2]), Duration::from_secs(65)));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_loses_the_newest_and_counts_them() {
    let Fixture { metrics, queue, mut batches, .. } = fixture();
    (0..3000).for_each(|number| queue.push(0, span(number)));
    assert_eq!(numbers(batches.next().await), Some((0..512).collect()));
    let text = metrics.encode();
    let line = "gateway_trace_spans_dropped_total{reason=\"queue_full\"} 952";
    assert!(text.lines().any(|found| found == line), "{text}");
}

/// The flush ends when the batch after the last span is asked for: then all have been sent.
#[tokio::test(start_paused = true)]
async fn a_flush_takes_all_that_waits_and_ends_when_it_was_sent() {
    let Fixture { queue, flush, mut batches, .. } = fixture();
    let began = Instant::now();
    (0..700).for_each(|number| queue.push(0, span(number)));
    let mut sent = Vec::new();
    let take = async {
        loop {
            sent.extend(numbers(batches.next().await).unwrap_or_default());
        }
    };
    tokio::select! {
        () = take => {}
        () = flush.flush() => {}
    }
    assert_eq!((sent.len(), began.elapsed()), (700, Duration::ZERO));
    assert!(!flush.is_over());
    drop(batches);
    flush.flush().await;
    assert!(flush.is_over());
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_nobody_will_add_to_it_is_the_last_batch() {
    let Fixture { queue, mut batches, .. } = fixture();
    queue.push(0, span(1));
    drop(queue);
    assert_eq!(numbers(batches.next().await), Some(vec![1]));
    assert_eq!(numbers(batches.next().await), None);
}

//! A worker's own lines until they are handed over.

use super::json;
use super::kratos;
use super::record::{AccessRecord, LogFormat};
use super::text;
use super::time::Rfc3339;

/// The size in bytes from which lines are handed over: 150 long lines, since the writer is woken for each hand-over and
/// may then be in the worker's way.
pub(super) const BATCH_BYTES: usize = 128 * 1024;

/// Whole lines on their way to the sink.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
}

/// Formats into a batch.
#[derive(Default)]
pub(super) struct Buffer {
    batch: Batch,
    time: Rfc3339,
    closed: bool,
}

impl Buffer {
    /// Appends the line of `record`, and returns the batch if it is full.
    pub(super) fn push(&mut self, format: LogFormat, record: &AccessRecord<'_>) -> Option<Batch> {
        match format {
            LogFormat::Json => json::line(&mut self.batch.bytes, record, &mut self.time),
            LogFormat::Text => text::line(&mut self.batch.bytes, record, &mut self.time),
            LogFormat::Kratos => kratos::line(&mut self.batch.bytes, record),
        }
        self.batch.lines += 1;
        if self.batch.bytes.len() < BATCH_BYTES {
            return None;
        }
        // One allocation per batch, not per record; a worker that fills one will fill the next.
        let next = Batch { bytes: Vec::with_capacity(BATCH_BYTES + BATCH_BYTES / 4), lines: 0 };
        Some(std::mem::replace(&mut self.batch, next))
    }

    /// Takes the last lines.
    pub(super) fn close(&mut self) -> Option<Batch> {
        self.closed = true;
        (self.batch.lines > 0).then(|| std::mem::take(&mut self.batch))
    }

    /// Whether the log was shut down.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// What there is, even if it is little. The next batch has room for as much, a full batch at the most: what grows step by
    /// step is moved as often.
    pub(super) fn take(&mut self) -> Option<Batch> {
        let next = || Batch { bytes: Vec::with_capacity(self.batch.bytes.len()), lines: 0 };
        (self.batch.lines > 0).then(next).map(|next| std::mem::replace(&mut self.batch, next))
    }
}

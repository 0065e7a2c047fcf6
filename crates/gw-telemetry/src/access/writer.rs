//! The thread that owns the sink.
//!
//! Invariants: it holds a worker's buffer only to move bytes, never while it writes; a line that broke off half-way
//! is ended before the next one begins.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::buffer::Batch;
use super::log::{QUEUE, Shared};

/// How long a line may wait in a worker's buffer.
const TICK: Duration = Duration::from_millis(200);

pub(super) struct Writer {
    sink: Box<dyn Write + Send>,
    /// In place of the sink.
    file: Option<File>,
    batches: Receiver<Batch>,
    shared: Arc<Shared>,
    /// The sink stopped in the middle of a line.
    torn: bool,
    /// The last write failed, and that has been reported.
    failing: bool,
}

impl Writer {
    pub(super) fn new(sink: Box<dyn Write + Send>, batches: Receiver<Batch>, shared: Arc<Shared>) -> Self {
        Self { sink, file: None, batches, shared, torn: false, failing: false }
    }

    /// Writes until the log is shut down.
    pub(super) fn run(mut self) {
        let mut tick = Instant::now() + TICK;
        loop {
            let received = self.batches.recv_timeout(tick.saturating_duration_since(Instant::now()));
            let gone = matches!(received, Err(RecvTimeoutError::Disconnected));
            self.switch();
            if let Ok(batch) = received {
                self.write(&batch.bytes);
            }
            let (asked, wanted, stopping) = {
                let progress = self.shared.progress.lock();
                (progress.asked, progress.asked > progress.done, progress.stopping || gone)
            };
            if wanted || stopping || Instant::now() >= tick {
                self.collect(stopping);
                tick = Instant::now() + TICK;
                self.shared.progress.lock().done = asked;
                self.shared.changed.notify_all();
            }
            if stopping {
                return;
            }
        }
    }

    fn out(&mut self) -> &mut dyn Write {
        match &mut self.file {
            Some(file) => file,
            None => &mut *self.sink,
        }
    }

    /// Goes to the new place if there is one. A line that broke off stays as it is in the old one.
    fn switch(&mut self) {
        let Some(file) = self.shared.progress.lock().switch.take() else { return };
        let flushed = self.out().flush();
        self.report(flushed);
        self.file = file;
        self.torn = false;
    }

    /// Writes all that was recorded before; with `close`, nothing is recorded after.
    fn collect(&mut self, close: bool) {
        let mut waiting = Vec::new();
        for buffer in self.shared.buffers.iter() {
            let mut buffer = buffer.lock();
            // While its buffer is locked a worker hands nothing over: what it sent before is in the queue now, and
            // comes before what it still holds.
            waiting.extend(self.batches.try_iter().take(QUEUE));
            waiting.extend(if close { buffer.close() } else { buffer.take() });
        }
        for batch in waiting {
            self.write(&batch.bytes);
        }
        let flushed = self.out().flush();
        self.report(flushed);
    }

    /// Writes whole lines; those that the sink does not take are counted.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let written = self.write_lines(bytes);
        self.report(written);
    }

    fn write_lines(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        let result = self.end_torn_line().and_then(|()| {
            while !rest.is_empty() {
                match self.out().write(rest) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(written) => {
                        self.torn = rest[written - 1] != b'\n';
                        rest = &rest[written..];
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        });
        let lost = rest.iter().filter(|byte| **byte == b'\n').count();
        self.shared.dropped.fetch_add(lost as u64, Relaxed);
        result
    }

    fn end_torn_line(&mut self) -> io::Result<()> {
        if self.torn {
            self.out().write_all(b"\n")?;
            self.torn = false;
        }
        Ok(())
    }

    /// Warns once per trouble, not once per batch.
    fn report(&mut self, result: io::Result<()>) {
        match result {
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(%error, "access log: lines are lost");
            }
            Ok(()) if self.failing => {
                self.failing = false;
                tracing::info!("access log: writes succeed again");
            }
            _ => {}
        }
    }
}

impl Drop for Writer {
    /// Even if the sink panicked, nobody waits for it in vain.
    fn drop(&mut self) {
        self.shared.progress.lock().stopped = true;
        self.shared.changed.notify_all();
    }
}

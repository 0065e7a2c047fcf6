//! The log as workers and the control thread see it.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::buffer::{Batch, Buffer};
use super::record::{AccessRecord, LogFormat};
use super::writer::Writer;
use crate::metrics::Shards;

/// How many batches may wait for the writer: 2 MiB or a little more.
pub(super) const QUEUE: usize = 16;

/// The access log. Workers record; a thread of its own writes.
///
/// When it is dropped, the writer writes what it has and ends by itself, since the queue has no other end; to wait for
/// that is what [`shutdown`](Self::shutdown) is for.
pub struct AccessLog {
    default: LogFormat,
    /// The format at hand, by its number: a reload may change it.
    format: AtomicU8,
    pub(super) shared: Arc<Shared>,
    queue: SyncSender<Batch>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What workers and writer share.
pub(super) struct Shared {
    pub(super) buffers: Shards<Mutex<Buffer>>,
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) progress: Mutex<Progress>,
    pub(super) changed: Condvar,
}

impl Shared {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            buffers: Shards::new(workers, Mutex::default),
            dropped: Arc::default(),
            progress: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

/// How far the writer is.
#[derive(Default)]
pub(super) struct Progress {
    /// The number of flushes asked for, and done.
    pub(super) asked: u64,
    pub(super) done: u64,
    /// Where to write from now on, if that is new: a file, or the sink of the start.
    pub(super) switch: Option<Option<File>>,
    /// No more records are taken.
    pub(super) stopping: bool,
    /// The writer has ended.
    pub(super) stopped: bool,
}

impl AccessLog {
    /// Starts the writer of `sink`; `workers` is the number of buffers, at least 1. Lines reach the sink within about
    /// 200 ms, or as soon as a worker has 128 KiB of them. At most 16 batches wait; more are dropped and counted.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(sink: Box<dyn Write + Send>, format: LogFormat, workers: usize) -> io::Result<Arc<Self>> {
        let (queue, batches) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::new(workers));
        let writer = Writer::new(sink, batches, Arc::clone(&shared));
        let thread = thread::Builder::new().name("access-log".into()).spawn(move || writer.run())?;
        let thread = Mutex::new(Some(thread));
        Ok(Arc::new(Self { default: format, format: AtomicU8::new(format as u8), shared, queue, thread }))
    }

    /// Writes in another format and to another place from now on: `None` is what the log was started with. What was
    /// recorded before keeps its format and may still go to the new place.
    pub fn switch(&self, format: Option<LogFormat>, file: Option<File>) {
        self.format.store(format.unwrap_or(self.default) as u8, Relaxed);
        self.shared.progress.lock().switch = Some(file);
        self.wake();
    }

    fn format(&self) -> LogFormat {
        let format = self.format.load(Relaxed);
        [LogFormat::Json, LogFormat::Text, LogFormat::Kratos]
            .into_iter()
            .find(|known| *known as u8 == format)
            .unwrap_or(self.default)
    }

    /// Writes down a request that has ended. Never waits for the writer.
    pub fn record(&self, worker: usize, record: &AccessRecord<'_>) {
        // Uncontended but for the writer's visits: every worker has its own.
        let mut buffer = self.shared.buffers.of(worker).lock();
        if buffer.is_closed() {
            self.shared.dropped.fetch_add(1, Relaxed);
            return;
        }
        let Some(batch) = buffer.push(self.format(), record) else { return };
        // Handed over under the lock, so that the writer, who takes it too, sees a worker's lines in order.
        let lines = batch.lines;
        if self.queue.try_send(batch).is_err() {
            self.shared.dropped.fetch_add(lines, Relaxed);
        }
    }

    /// How many lines were lost so far: the writer was behind, the sink failed, or the log had been shut down.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed)
    }

    pub(crate) fn drop_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shared.dropped)
    }

    /// Waits until what has been recorded is written and the sink flushed, at most for `limit`; says whether it was.
    /// Blocks the thread: not for workers.
    pub fn flush(&self, limit: Duration) -> bool {
        self.ask(false, limit)
    }

    /// Writes what has been recorded and ends the writer, waiting at most for `limit`; says whether it ended. Later
    /// records are dropped and counted. Blocks the thread: not for workers.
    pub fn shutdown(&self, limit: Duration) -> bool {
        let ended = self.ask(true, limit);
        if ended && let Some(thread) = self.thread.lock().take() {
            // A panic of the sink's own has already been reported by its thread.
            let _ = thread.join();
        }
        ended
    }

    fn ask(&self, stop: bool, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut progress = self.shared.progress.lock();
        progress.asked += 1;
        progress.stopping |= stop;
        let asked = progress.asked;
        self.wake();
        while progress.done < asked && !progress.stopped {
            if self.shared.changed.wait_until(&mut progress, deadline).timed_out() {
                break;
            }
        }
        progress.done >= asked || (stop && progress.stopped)
    }

    /// An empty batch: if there is no room for it, the writer is awake.
    fn wake(&self) {
        let _ = self.queue.try_send(Batch::default());
    }
}

impl std::fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessLog")
            .field("format", &self.format())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

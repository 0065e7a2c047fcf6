//! Loss: sinks that are stuck, fail, break, or go away.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::{LIMIT, Shared, record};
use crate::access::buffer::Batch;
use crate::access::log::{self, QUEUE};
use crate::access::writer::Writer;
use crate::{AccessLog, AccessRecord, LogFormat};

/// A sink that tells when it is written to, and then waits for leave.
struct Gated {
    entered: Sender<()>,
    leave: Receiver<()>,
    inner: Shared,
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.entered.send(());
        let _ = self.leave.recv();
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_sink_costs_lines_but_not_time_nor_memory() {
    let ((entered, is_in), (go, leave), inner) = (channel(), channel(), Shared::default());
    let sink = Gated { entered, leave, inner: inner.clone() };
    let log = AccessLog::start(Box::new(sink), LogFormat::Json, 1).unwrap();
    log.record(0, &record());
    is_in.recv().unwrap();
    assert!(!log.flush(Duration::ZERO), "a flush does not wait beyond its limit");
    let agent = "a".repeat(4000);
    let line = AccessRecord { user_agent: Some(agent.as_bytes()), ..record() };
    // A line is above 4 KiB, so that 32 make a batch: the queue is full long before.
    let recorded = 32 * QUEUE as u64 * 2;
    for _ in 0..recorded {
        log.record(0, &line);
    }
    let dropped = log.dropped();
    assert!(dropped > 0 && dropped < recorded, "{dropped}");
    drop(go);
    assert!(log.shutdown(LIMIT));
    assert_eq!(inner.text().lines().count() as u64 + log.dropped(), recorded + 1);
    assert_eq!(log.dropped(), dropped);
}

#[test]
fn a_worker_waits_for_no_other_worker_and_not_for_the_writer() {
    let log = AccessLog::start(Box::new(Shared::default()), LogFormat::Json, 2).unwrap();
    let (other, writer) = (log.shared.buffers.of(0).lock(), log.shared.progress.lock());
    let (recording, (tell, told)) = (Arc::clone(&log), channel());
    std::thread::spawn(move || {
        recording.record(1, &record());
        tell.send(())
    });
    assert_eq!(told.recv_timeout(LIMIT), Ok(()));
    drop((other, writer));
    assert!(log.shutdown(LIMIT));
}

/// Takes so many bytes, then fails once for each entry of `faults`, then takes all.
struct Failing {
    room: usize,
    faults: usize,
    inner: Shared,
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.faults == 0 {
            return self.inner.write(bytes);
        }
        if self.room == 0 {
            self.faults -= 1;
            return Err(io::Error::other("no space"));
        }
        let taken = self.room.min(bytes.len());
        self.room -= taken;
        self.inner.write(&bytes[..taken])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failing_sink_costs_its_lines_and_the_next_begin_anew() {
    let inner = Shared::default();
    // Fails in the middle of the second line, and again when that line is to be ended.
    let sink = Failing { room: 6, faults: 2, inner: inner.clone() };
    let shared = Arc::new(log::Shared::new(1));
    let mut writer = Writer::new(Box::new(sink), channel_of_batches(), Arc::clone(&shared));
    for (lines, dropped) in [("one\ntwo\nthree\n", 2), ("four\n", 3), ("five\nsix\n", 3)] {
        writer.write(lines.as_bytes());
        assert_eq!(shared.dropped.load(Relaxed), dropped, "{lines}");
    }
    assert_eq!(inner.text(), "one\ntw\nfive\nsix\n");
}

fn channel_of_batches() -> Receiver<Batch> {
    channel().1
}

#[test]
fn after_the_shutdown_lines_are_counted_as_lost() {
    let sink = Shared::default();
    let log = AccessLog::start(Box::new(sink.clone()), LogFormat::Text, 2).unwrap();
    log.record(1, &record());
    assert!(log.shutdown(LIMIT));
    log.record(0, &record());
    log.record(1, &record());
    assert_eq!((sink.text().lines().count(), log.dropped()), (1, 2));
    assert!(log.shutdown(LIMIT), "a second shutdown finds it done");
}

/// A sink with a bug.
struct Panicking;

impl Write for Panicking {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("a bug in the sink");
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nobody_waits_for_a_writer_that_is_gone() {
    let log = AccessLog::start(Box::new(Panicking), LogFormat::Text, 1).unwrap();
    log.record(0, &record());
    assert!(!log.flush(LIMIT));
    assert!(log.shutdown(LIMIT));
}

#[test]
fn a_log_that_is_dropped_writes_what_it_has() {
    /// Tells of its end.
    struct Ending(Shared, Sender<()>);
    impl Write for Ending {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for Ending {
        fn drop(&mut self) {
            let _ = self.1.send(());
        }
    }
    let ((ended, end), inner) = (channel(), Shared::default());
    let log = AccessLog::start(Box::new(Ending(inner.clone(), ended)), LogFormat::Text, 1).unwrap();
    log.record(0, &record());
    drop(log);
    end.recv().unwrap();
    assert_eq!(inner.text().lines().count(), 1);
}

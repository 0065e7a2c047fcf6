//! A load of so many requests a second, evenly spread, whatever comes back.
//!
//! Each request goes over the connection that has rested longest; its time counts from when it was due, so that what
//! has to wait for a connection is not forgotten. The thread looks at its sockets in turn and never waits for one,
//! since to be woken takes longer than many an answer.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::load::{Counted, head, quantiles};
use super::process::pause;

const CONNECTIONS: usize = 64;
/// How answers to `/small` end.
const END: &[u8; 13] = b"xxxxxxxxxxxxx";
/// How late a pause may end.
const LATE: Duration = Duration::from_micros(100);
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the load, and prints what it counted.
///
/// # Errors
/// When the proxy cannot be connected to.
pub(crate) fn run(port: u16, rate: u32, seconds: u32) -> anyhow::Result<()> {
    let mut resting = (0..CONNECTIONS).map(|_| Connection::new(port)).collect::<Result<VecDeque<_>, _>>()?;
    let (head, mut busy, mut times, mut failed) = (head(), Vec::new(), Vec::new(), 0.0);
    let interval = Duration::from_secs(1) / rate.max(1);
    let start = Instant::now();
    let (mut due, end) = (start, start + Duration::from_secs(seconds.into()));
    while (due < end || !busy.is_empty()) && Instant::now() < end + PATIENCE {
        let now = Instant::now();
        while due <= now.min(end)
            && let Some(mut connection) = resting.pop_front()
        {
            connection.send(&head, due);
            busy.push(connection);
            due += interval;
        }
        for mut connection in std::mem::take(&mut busy) {
            match connection.receive() {
                Ok(None) => busy.push(connection),
                Ok(Some(time)) => {
                    times.push(time.as_secs_f64() * 1e6);
                    resting.push_back(connection);
                }
                Err(_) => failed += 1.0,
            }
        }
        let ahead = due.saturating_duration_since(Instant::now()).saturating_sub(LATE);
        if busy.is_empty() && !ahead.is_zero() {
            pause(ahead);
        } else {
            thread::yield_now();
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds")]
    let (answers, failed) = (times.len() as f64, failed + busy.len() as f64);
    let (p50, p99) = quantiles(times);
    println!("{}", serde_json::to_string(&Counted { answers, failed, p50, p99 })?);
    Ok(())
}

struct Connection {
    stream: TcpStream,
    due: Instant,
    answer: Vec<u8>,
}

impl Connection {
    fn new(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, due: Instant::now(), answer: Vec::with_capacity(4096) })
    }

    /// A head always has room in an empty socket; a failure shows in what is received.
    fn send(&mut self, head: &str, due: Instant) {
        self.due = due;
        self.answer.clear();
        let _ = self.stream.write_all(head.as_bytes());
    }

    /// How long the answer took since it was due, once it is there.
    fn receive(&mut self) -> std::io::Result<Option<Duration>> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => self.answer.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        if !self.answer.starts_with(b"HTTP/1.1 200") {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(self.answer.ends_with(END).then(|| self.due.elapsed()))
    }
}

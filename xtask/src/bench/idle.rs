//! What an idle connection costs that has served a request.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;

use super::process::{LOAD, Running, pause, pinned};
use super::round::Measured;

/// With one file each at the proxies, which keep some in reserve: for 10,000 many machines allow too few.
const CONNECTIONS: u32 = 9_500;

/// Python, since it has TLS: port, number of connections, `tls` or not. It says when one is there and when all are.
const HOLDER: &str = r"
import socket, ssl, sys
port, count, tls = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == 'true'
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
def served():
    stream = socket.create_connection(('127.0.0.1', port), timeout=10)
    if tls:
        stream = context.wrap_socket(stream, server_hostname='bench.example')
    stream.sendall(b'GET /small HTTP/1.1\r\nHost: bench.example\r\n\r\n')
    answer = b''
    while not answer.endswith(b'x' * 13):
        read = stream.recv(4096)
        if not read:
            sys.exit('the proxy closed an idle connection')
        answer += read
    return stream
held = [served()]
print('one', flush=True)
sys.stdin.readline()
held += [served() for _ in range(count)]
print('all', flush=True)
sys.stdin.readline()
";

/// Measures memory per connection, in KiB.
///
/// # Errors
/// When a connection cannot be had, or is closed.
pub(crate) fn measure(running: &Running, port: u16, tls: bool) -> anyhow::Result<Measured> {
    let mut command = pinned(LOAD);
    command.args(["python3", "-c", HOLDER, &port.to_string(), &CONNECTIONS.to_string(), &tls.to_string()]);
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut orders = holder.stdin.take().context("no way in")?;
    let mut said = BufReader::new(holder.stdout.take().context("no way out")?).lines();
    let mut says = |word: &str| match said.next() {
        Some(Ok(line)) if line == word => Ok(()),
        _ => anyhow::bail!("the connections cannot all be held"),
    };
    // The first of them makes what is made once.
    says("one")?;
    let before = running.memory();
    orders.write_all(b"\n")?;
    says("all")?;
    // Buffers may be given back with a delay.
    pause(Duration::from_millis(500));
    let all = running.memory();
    drop(orders);
    holder.wait()?;
    #[expect(clippy::cast_precision_loss, reason = "KiB of one machine")]
    let cost = all.saturating_sub(before) as f64 / f64::from(CONNECTIONS);
    Ok(Measured { cost, ..Measured::default() })
}

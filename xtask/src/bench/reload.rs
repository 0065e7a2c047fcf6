//! Reloads of many endpoints, all of which changed, one after another while requests go on.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::load::Load;
use super::peers::{CONFIG, Place, texts};
use super::process::{Running, pause};
use super::report::median;
use super::round::Measured;
use super::routes;
use super::scenario::Scenario;

/// The endpoints, with the two that are asked for.
const ENDPOINTS: usize = 10_000;
/// Requests a second.
const RATE: u32 = 2_000;
/// How long the memory of former tables may take to be given back.
const SETTLE: Duration = Duration::from_secs(3);
/// How long a reload may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the names of [`Measured::more`] are.
pub(crate) const P99: &str = "p99 ÷ quiet";
pub(crate) const MEMORY: &str = "memory after ÷ before";

/// The document of a generation: no endpoint is as it was in another, and one has its number.
pub(crate) fn document(place: &Place, number: u32) -> String {
    let mut routes = routes::mixed(ENDPOINTS - 2);
    routes.extend(["/small".to_owned(), marker(number)].map(routes::literal));
    for route in &mut routes {
        route.timeout += number;
    }
    texts::ours(place, Scenario::Reload, &routes)
}

fn marker(number: u32) -> String {
    format!("/generation/{number}")
}

/// Milliseconds from the write to the first answer by it, as the cost.
///
/// # Errors
/// When a reload does not come to be, or the load fails.
pub(crate) fn measure(place: &Place, running: &Running, seconds: u32) -> anyhow::Result<Measured> {
    let load =
        Load { scenario: Scenario::Reload, port: place.port, seconds, rate: RATE, folder: &place.folder };
    Load { seconds: 1, ..load }.run()?;
    let quiet = load.run()?;
    let before = running.memory();
    let mut live = Vec::new();
    let counted = thread::scope(|scope| {
        let loading = scope.spawn(|| load.run());
        while !loading.is_finished() {
            let number = u32::try_from(live.len()).unwrap_or(0) + 1;
            live.push(reload(place, number)?);
        }
        loading.join().ok().context("the load panicked")?
    })?;
    anyhow::ensure!(quiet.failed + counted.failed < 1.0, "connections failed under reloads");
    pause(SETTLE);
    #[expect(clippy::cast_precision_loss, reason = "KiB of one machine, reloads of seconds")]
    let (memory, reloads) = (running.memory() as f64 / before as f64, live.len() as f64);
    let more = [(P99, counted.p99 / quiet.p99), (MEMORY, memory), ("reloads", reloads)];
    Ok(Measured {
        cost: median(live),
        rate: f64::from(RATE),
        p50: counted.p50,
        p99: counted.p99,
        more: more.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Measured::default()
    })
}

fn reload(place: &Place, number: u32) -> anyhow::Result<f64> {
    let (config, new) = (place.folder.join(CONFIG), place.folder.join("next.toml"));
    std::fs::write(&new, document(place, number))?;
    let start = Instant::now();
    std::fs::rename(new, config)?;
    while !is_live(place.port, number)? {
        anyhow::ensure!(start.elapsed() < PATIENCE, "generation {number} does not come to be");
        pause(Duration::from_millis(2));
    }
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn is_live(port: u16, number: u32) -> anyhow::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let path = marker(number);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: bench.example\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

//! One measurement after another: a fresh proxy, a short load to warm it, then the load that counts.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::load::Load;
use super::peers::{Place, Proxy};
use super::process::{LOAD, PROXY, Running, SPREAD, busy, own, pause};
use super::scenario::Scenario;
use super::{futex, idle, reload};
use crate::certificate;

const ORIGIN: u16 = 9900;
const PORT: u16 = 9800;

/// The cores that are used.
const CORES: f64 = 2.0;
/// More of the CPU's time than this gone elsewhere spoils a measurement, which is then made again.
const FOREIGN: f64 = 0.06;
const AGAIN: usize = 2;
/// The share of a proxy's peak that leaves it room.
const THIRD: u32 = 3;

/// The name of one of [`Measured::more`].
pub(crate) const FUTEXES: &str = "futex calls a request";

/// What one measurement gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// In the unit of its scenario.
    pub(crate) cost: f64,
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The share of the machine that others took.
    pub(crate) foreign: f64,
    /// What the scenario measures besides.
    #[serde(default)]
    pub(crate) more: BTreeMap<String, f64>,
}

/// The measurements of a scenario: by proxy, one a round. A proxy that cannot do it has none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) scenario: Scenario,
    pub(crate) proxies: BTreeMap<String, Vec<Measured>>,
}

/// What all measurements share.
pub(crate) struct Bench {
    pub(crate) place: Place,
    seconds: u32,
    origin: Running,
}

impl Bench {
    /// Starts the origin.
    ///
    /// # Errors
    /// When it does not start, or no certificate can be made.
    pub(crate) fn start(
        folder: PathBuf,
        gateway: PathBuf,
        programs: PathBuf,
        seconds: u32,
    ) -> anyhow::Result<Self> {
        certificate::make(&folder)?;
        let this = std::env::current_exe()?.display().to_string();
        let command = [this, "bench-origin".to_owned(), ORIGIN.to_string()];
        let mut origin = Running::start(&command, LOAD, &folder.join("origin.out"))?;
        wait_for(ORIGIN, &mut origin).context("the origin does not start")?;
        let place = Place { folder, gateway, programs, origin: ORIGIN, port: PORT };
        Ok(Self { place, seconds, origin })
    }

    /// Measures `proxies` in a scenario, `rounds` times. What fails is told, counted in `failed`, and left out.
    pub(crate) fn measure(
        &self,
        proxies: &[Proxy],
        scenario: Scenario,
        rounds: usize,
        failed: &mut usize,
    ) -> Results {
        let mut results = Results { scenario, proxies: BTreeMap::new() };
        let rate = if scenario == Scenario::Rate { self.third(proxies) } else { 0 };
        for round in 0..rounds {
            for proxy in proxies.iter().cycle().skip(round % proxies.len()).take(proxies.len()) {
                let line = format!("{:>10} {:>2}/{rounds} {:<10}", scenario.name(), round + 1, proxy.name());
                match self.settle(proxy, scenario, rate) {
                    Ok(measured) => {
                        let Measured { cost, rate, p99, foreign, more, .. } = &measured;
                        let foreign = foreign * 100.0;
                        eprintln!(
                            "{line} {cost:>8.2}  {rate:>8.0}/s  p99 {p99:>7.0} us  foreign {foreign:>3.0} %  {more:?}"
                        );
                        results.proxies.entry(proxy.name()).or_default().push(measured);
                    }
                    Err(error) => {
                        eprintln!("{line} FAILED: {error:#}");
                        *failed += 1;
                    }
                }
            }
        }
        results
    }

    /// A third of the requests a second that nginx can serve of `small`; without nginx, the first of `proxies`.
    fn third(&self, proxies: &[Proxy]) -> u32 {
        let nginx = proxies.iter().find(|proxy| **proxy == Proxy::Nginx).or(proxies.first());
        let peak = nginx.and_then(|proxy| self.settle(proxy, Scenario::Small, 0).ok());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "requests a second")]
        let third = peak.map_or(0, |peak| peak.rate as u32) / THIRD;
        third
    }

    /// The quietest of a few tries.
    fn settle(&self, proxy: &Proxy, scenario: Scenario, rate: u32) -> anyhow::Result<Measured> {
        let mut best = self.once(proxy, scenario, rate)?;
        for _ in 0..AGAIN {
            if best.foreign <= FOREIGN {
                break;
            }
            let next = self.once(proxy, scenario, rate)?;
            if next.foreign < best.foreign {
                best = next;
            }
        }
        Ok(best)
    }

    fn once(&self, proxy: &Proxy, scenario: Scenario, rate: u32) -> anyhow::Result<Measured> {
        let folder = self.place.folder.as_path();
        for log in ["gateway.log", "nginx.log", "pingora.log"] {
            let _ = std::fs::remove_file(folder.join(log));
        }
        let output = folder.join(format!("{}.out", proxy.name()));
        let command = proxy.command(&self.place, scenario)?;
        let cores = if scenario.is_spread() { SPREAD } else { PROXY };
        let mut running = Running::start(&command, cores, &output)?;
        let port = if scenario.is_tls() { self.place.port + 1 } else { self.place.port };
        wait_for(port, &mut running)
            .with_context(|| format!("{} does not start: see {}", proxy.name(), output.display()))?;
        let (start, all, ours) = (Instant::now(), busy(), running.cpu() + self.load_cpu());
        let measured = match scenario {
            Scenario::Reload => reload::measure(&self.place, &running, self.seconds),
            _ if scenario.is_memory() => idle::measure(&running, port, scenario.is_tls()),
            _ => loaded(&running, Load { scenario, port, seconds: self.seconds, rate, folder }),
        }?;
        let (all, ours) = (busy() - all, running.cpu() + self.load_cpu() - ours);
        let foreign = ((all - ours) / (CORES * start.elapsed().as_secs_f64())).max(0.0);
        // Memory is the same however busy the machine is.
        Ok(Measured { foreign: if scenario.is_memory() { 0.0 } else { foreign }, ..measured })
    }

    /// CPU time of origin and load generators so far.
    fn load_cpu(&self) -> f64 {
        self.origin.cpu() + own()
    }
}

fn loaded(running: &Running, load: Load<'_>) -> anyhow::Result<Measured> {
    let short = Load { seconds: 1, ..load };
    short.run()?;
    let (start, cpu) = (Instant::now(), running.cpu());
    let counted = load.run()?;
    let (cpu, seconds) = (running.cpu() - cpu, start.elapsed().as_secs_f64());
    let (answers, failed) = (counted.answers, counted.failed);
    anyhow::ensure!(failed / answers < 0.001, "{failed} requests of {answers} failed");
    let mut more = BTreeMap::new();
    if load.scenario == Scenario::Workers {
        let calls = futex::per_request(running, load.folder, || short.run())?;
        more.insert(FUTEXES.to_owned(), calls);
    }
    let (cost, rate) = (cpu * 1e6 / answers, answers / seconds);
    Ok(Measured { cost, rate, p50: counted.p50, p99: counted.p99, foreign: 0.0, more })
}

fn wait_for(port: u16, running: &mut Running) -> anyhow::Result<()> {
    for _ in 0..1000 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(());
        }
        anyhow::ensure!(!running.has_ended(), "it has ended");
        pause(Duration::from_millis(10));
    }
    anyhow::bail!("nothing listens on port {port}")
}

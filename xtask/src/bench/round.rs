//! One measurement after another: a fresh proxy, a short load to warm it, then the load that counts.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use super::load::{IDLE, Scenario};
use super::peers::{Place, Proxy};
use super::process::{LOAD, PROXY, Running, busy, ended_children, pause};
use crate::shell;

const ORIGIN: u16 = 9900;
const PORT: u16 = 9800;

/// More of the CPU's time than this gone elsewhere spoils a measurement, which is then made again.
const FOREIGN: f64 = 0.06;
const AGAIN: usize = 2;

/// What one measurement gave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// CPU per request, in microseconds; memory per connection, in KiB, where that is the scenario.
    pub(crate) cost: f64,
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The share of the machine that others took.
    pub(crate) foreign: f64,
}

/// All measurements of a run: by scenario, then by proxy, one a round. A proxy that cannot do a scenario has none.
pub(crate) type Results = Vec<(Scenario, BTreeMap<String, Vec<Measured>>)>;

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
        certificate(&folder)?;
        let this = std::env::current_exe()?.display().to_string();
        let command = [this, "bench-origin".to_owned(), ORIGIN.to_string()];
        let mut origin = Running::start(&command, LOAD, &folder.join("origin.log"))?;
        wait_for(ORIGIN, &mut origin).context("the origin does not start")?;
        let place = Place { folder, gateway, programs, origin: ORIGIN, port: PORT };
        Ok(Self { place, seconds, origin })
    }

    /// Measures every proxy in every scenario, `rounds` times.
    ///
    /// # Errors
    /// When a proxy does not start, or more than one in a thousand of its requests fail.
    pub(crate) fn measure(
        &self,
        proxies: &[Proxy],
        scenarios: &[Scenario],
        rounds: usize,
    ) -> anyhow::Result<Results> {
        let mut results = Results::new();
        for scenario in scenarios {
            let mut by_name: BTreeMap<String, Vec<Measured>> = BTreeMap::new();
            for round in 0..rounds {
                let turned = proxies.iter().cycle().skip(round % proxies.len()).take(proxies.len());
                for proxy in turned.filter(|proxy| proxy.can(*scenario)) {
                    let measured = self.settle(proxy, *scenario)?;
                    eprintln!(
                        "{:>8} {:>2}/{rounds} {:<10} {:>8.2}  {:>8.0}/s  p99 {:>7.0} us  foreign {:>3.0} %",
                        scenario.name(),
                        round + 1,
                        proxy.name(),
                        measured.cost,
                        measured.rate,
                        measured.p99,
                        measured.foreign * 100.0
                    );
                    by_name.entry(proxy.name()).or_default().push(measured);
                }
            }
            results.push((*scenario, by_name));
        }
        Ok(results)
    }

    /// The quietest of a few tries.
    fn settle(&self, proxy: &Proxy, scenario: Scenario) -> anyhow::Result<Measured> {
        let mut best = self.once(proxy, scenario)?;
        for _ in 0..AGAIN {
            if best.foreign <= FOREIGN {
                break;
            }
            let next = self.once(proxy, scenario)?;
            if next.foreign < best.foreign {
                best = next;
            }
        }
        Ok(best)
    }

    fn once(&self, proxy: &Proxy, scenario: Scenario) -> anyhow::Result<Measured> {
        let log = self.place.folder.join(format!("{}.log", proxy.name()));
        let command = proxy.command(&self.place, scenario)?;
        let mut running = Running::start(&command, PROXY, &log)?;
        let port = if scenario.is_tls() { self.place.port + 1 } else { self.place.port };
        wait_for(port, &mut running)
            .with_context(|| format!("{} does not start: see {}", proxy.name(), log.display()))?;
        if scenario == Scenario::Idle {
            return idle(&running, port);
        }
        scenario.load(port, 1, &self.place.folder)?;
        let (all, own) = (busy(), running.cpu() + self.load_cpu());
        let cpu = running.cpu();
        let counted = scenario.load(port, self.seconds, &self.place.folder)?;
        let cpu = running.cpu() - cpu;
        let (all, own) = (busy() - all, running.cpu() + self.load_cpu() - own);
        let failed = counted.failed / counted.answers;
        anyhow::ensure!(
            failed < 0.001,
            "{} failed {} requests of {}",
            proxy.name(),
            counted.failed,
            counted.answers
        );
        let seconds = f64::from(self.seconds);
        Ok(Measured {
            cost: cpu * 1e6 / counted.answers,
            rate: counted.answers / seconds,
            p50: counted.p50,
            p99: counted.p99,
            foreign: ((all - own) / (2.0 * seconds)).max(0.0),
        })
    }

    /// CPU time of origin and load generators so far.
    fn load_cpu(&self) -> f64 {
        self.origin.cpu() + ended_children()
    }
}

impl Proxy {
    /// Whether the peer's configuration here has what the scenario needs.
    fn can(&self, scenario: Scenario) -> bool {
        match self {
            Self::Ours | Self::Nginx | Self::NginxLog | Self::Haproxy => true,
            Self::Envoy => scenario != Scenario::Tls,
            Self::Traefik | Self::Caddy => !matches!(scenario, Scenario::Tls | Scenario::H2c),
            Self::Other(_) => !matches!(scenario, Scenario::Tls | Scenario::Routes),
        }
    }
}

/// What an idle connection costs that has served a request.
fn idle(running: &Running, port: u16) -> anyhow::Result<Measured> {
    let mut connections = Vec::with_capacity(IDLE);
    // The first of them makes what is made once.
    connections.push(served(port)?);
    let before = running.memory();
    while connections.len() <= IDLE {
        connections.push(served(port)?);
    }
    #[expect(clippy::cast_precision_loss, reason = "KiB of one machine")]
    let cost = running.memory().saturating_sub(before) as f64 / IDLE as f64;
    Ok(Measured { cost, ..Measured::default() })
}

fn served(port: u16) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(b"GET /small HTTP/1.1\r\nHost: bench.example\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut buffer = [0; 2048];
    while !answer.ends_with(b"xxxxxxxxxxxxx") {
        let read = stream.read(&mut buffer)?;
        anyhow::ensure!(read > 0, "the proxy closed an idle connection");
        answer.extend_from_slice(&buffer[..read]);
    }
    Ok(stream)
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

/// A certificate of P-256, as most sites have, and both parts in one file as HAProxy wants them.
fn certificate(folder: &std::path::Path) -> anyhow::Result<()> {
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args([
        "-days",
        "30",
        "-subj",
        "/CN=bench.example",
        "-addext",
        "subjectAltName=DNS:bench.example",
    ]);
    command.arg("-keyout").arg(&key).arg("-out").arg(&cert);
    anyhow::ensure!(shell::succeeds(&mut command), "openssl makes no certificate");
    std::fs::write(folder.join("both.pem"), std::fs::read_to_string(cert)? + &std::fs::read_to_string(key)?)?;
    Ok(())
}

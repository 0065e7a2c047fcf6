//! `cargo xtask bench`: what a request costs here and at the peers, in one interleaved run.
//!
//! The figure is CPU time per answered request, of the proxy's processes alone: it holds whatever else limits the
//! rate, and noise moves it least. Only ratios within one round are compared; a round runs every proxy once, in
//! turning order, each in a fresh process. The proxy has core 0 for itself, load and origin share core 1, and all is
//! in a network namespace of its own, where that is allowed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::shell::{self, target_dir};

mod bars;
mod chart;
mod futex;
mod idle;
mod load;
mod machine;
pub(crate) mod origin;
mod paced;
mod peers;
mod process;
mod reload;
mod report;
mod round;
mod routes;
mod scenario;

pub(crate) use process::pause;

use peers::Proxy;
use report::Run;
use scenario::Scenario;

/// Marks the second start, inside the namespace, and names our binary to it.
const INSIDE: &str = "GATEWAY_BENCH_INSIDE";

/// Measures CPU per request against other proxies.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Whom to measure beside ours; without a value, nobody.
    #[arg(long, num_args = 0.., value_delimiter = ',', default_value = "nginx,nginx-log,haproxy")]
    peers: Vec<Proxy>,
    /// What to measure.
    #[arg(long, value_delimiter = ',', default_value = "small,varied,10k,post,chunked,1m,h2c,tls,close")]
    scenarios: Vec<Scenario>,
    /// All that the project wants to reach: every scenario, with those peers that it is to be compared with.
    #[arg(long, conflicts_with = "scenarios")]
    bars: bool,
    /// Rounds; the median of them counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load in each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// One more proxy: a command with one worker; `{port}` and `{backend}` are filled in. May be given again.
    #[arg(long)]
    cmd: Vec<String>,
    /// Our binary, instead of what `cargo xtask dist` builds.
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Keeps every measurement in this file, instead of `bench/run.json` in the target folder.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes `docs/benchmarks.md` and its chart.
    #[arg(long)]
    write: bool,
    /// Measures nothing, and writes them from what a former run kept in this file.
    #[arg(long)]
    render: Option<PathBuf>,
}

/// Runs the benchmark.
///
/// # Errors
/// When a peer or a tool is missing and cannot be installed, a proxy does not start, or too many of its requests fail.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    if let Some(file) = &options.render {
        return write(root, &serde_json::from_slice(&std::fs::read(file)?)?);
    }
    let commands = options.cmd.iter().cloned().map(Proxy::Other);
    let proxies: Vec<_> =
        [Proxy::Ours, Proxy::Plain].into_iter().chain(options.peers.clone()).chain(commands).collect();
    let venv = target_dir(root).join("bench-venv");
    let Some(gateway) = std::env::var_os(INSIDE) else {
        let gateway = match &options.gateway {
            Some(gateway) => gateway.clone(),
            None => crate::dist::ship(root)?,
        };
        peers::install(root, &proxies, &venv)?;
        return enter(&gateway);
    };
    let folder = target_dir(root).join("bench");
    std::fs::create_dir_all(&folder)?;
    let kept = options.json.clone().unwrap_or_else(|| folder.join("run.json"));
    let bench = round::Bench::start(folder, gateway.into(), venv.join("bin"), options.seconds)?;
    let machine = machine::describe(&bench, &proxies);
    let mut run = Run { rounds: options.rounds, seconds: options.seconds, machine, results: Vec::new() };
    let scenarios = if options.bars { bars::scenarios() } else { options.scenarios.clone() };
    let mut failed = 0;
    for scenario in scenarios {
        let takes_part =
            |proxy: &&Proxy| proxy.can(scenario) && (!options.bars || bars::names(scenario, proxy));
        let proxies: Vec<Proxy> = proxies.iter().filter(takes_part).cloned().collect();
        run.results.push(bench.measure(&proxies, scenario, options.rounds, &mut failed));
        // After each, so that what ends a run loses little.
        std::fs::write(&kept, serde_json::to_string_pretty(&run)? + "\n")?;
    }
    print!("{}\n{}", bars::table(&run.results), report::tables(&run.results));
    if options.write {
        write(root, &run)?;
    }
    anyhow::ensure!(failed == 0, "{failed} measurements failed; the others are in {}", kept.display());
    Ok(())
}

fn write(root: &Path, run: &Run) -> anyhow::Result<()> {
    std::fs::write(root.join("docs/benchmarks.svg"), chart::svg(&run.results))?;
    std::fs::write(root.join("docs/benchmarks.md"), report::page(run))?;
    Ok(())
}

/// Runs the paced load.
///
/// # Errors
/// When the proxy cannot be connected to.
pub(crate) fn load(port: u16, rate: u32, seconds: u32) -> anyhow::Result<()> {
    paced::run(port, rate, seconds)
}

/// Serves as the origin, on core 1: a program of its own, since the load shares no process with it.
///
/// # Errors
/// When the port is taken.
pub(crate) fn origin(port: u16) -> anyhow::Result<()> {
    origin::serve(port)
}

/// Starts this program again, with room for many connections: if that is allowed in namespaces of its own, so that
/// no firewall rule counts and nothing outlives it.
fn enter(gateway: &Path) -> anyhow::Result<()> {
    let unshare = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let namespace = shell::succeeds(Command::new("unshare").args(unshare).arg("true"));
    if !namespace {
        println!("no network namespace of our own is allowed: firewall rules of the machine count for all");
    }
    let script = "ulimit -n \"$(ulimit -Hn)\"; [ -z \"$1\" ] || ip link set lo up; shift; exec \"$@\"";
    let mut command = Command::new(if namespace { "unshare" } else { "env" });
    if namespace {
        command.args(unshare);
    }
    command.args(["sh", "-c", script, "sh", if namespace { "own" } else { "" }]);
    command.arg(std::env::current_exe()?).args(std::env::args_os().skip(1));
    command.env(INSIDE, gateway);
    let status = command.status().context("cannot start again inside a namespace")?;
    anyhow::ensure!(status.success(), "the run failed with {status}");
    Ok(())
}

//! `cargo xtask`: the commands that people and CI use alike.
//!
//! Every command ends with exit code 0, or prints what failed and ends with 1; a usage error ends with 2.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks on both")]

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

mod bench;
mod certificate;
mod consul_image;
mod counts;
mod debian;
mod dist;
mod docker;
mod features;
mod lint;
mod peers;
mod shell;
mod suites;
mod tidy;

/// The project's own tools.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Subcommand)]
enum Command {
    /// Checks what no compiler checks: crate imports, file sizes, module docs, state, forbidden words.
    Tidy,
    /// Formatting, clippy, rustdoc, and cargo-deny where it is installed.
    Lint,
    /// All tests that need nothing installed.
    Test,
    /// `test`, then the suites with foreign peers, which it installs.
    It,
    /// The image with Consul that `it` runs: pulled, or composed of Debian's packages; prints its name.
    Image,
    /// The binary as it is shipped, laid out by a profile of traffic: `dist/gateway` in the target folder. Takes long.
    Dist(dist::Options),
    /// What a request costs here and at the peers, in one interleaved run.
    Bench(bench::Options),
    /// The benchmark's origin, on a port of 127.0.0.1.
    #[command(hide = true)]
    BenchOrigin { port: u16 },
    /// So many requests a second to a port of 127.0.0.1.
    #[command(hide = true)]
    BenchLoad { port: u16, rate: u32, seconds: u32 },
    /// User instructions of what every request does, beside those that were committed.
    Counts(counts::Options),
    /// What CI runs: `tidy`, `lint`, `it`, `counts`, with the time of each.
    Ci,
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Tidy => "tidy",
            Self::Lint => "lint",
            Self::Test => "test",
            Self::It => "it",
            Self::Image => "image",
            Self::Dist(_) => "dist",
            Self::Bench(_) => "bench",
            Self::BenchOrigin { .. } => "bench-origin",
            Self::BenchLoad { .. } => "bench-load",
            Self::Counts(_) => "counts",
            Self::Ci => "ci",
        }
    }

    fn run(&self) -> anyhow::Result<()> {
        let root = shell::root()?;
        match self {
            Self::Tidy => tidy::run(&root),
            Self::Lint => lint::run(&root),
            Self::Test => suites::test(&root),
            Self::It => suites::integration(&root),
            Self::Image => suites::image(&root),
            Self::Dist(options) => dist::run(&root, *options),
            Self::Bench(options) => bench::run(&root, options),
            Self::BenchOrigin { port } => bench::origin(*port),
            Self::BenchLoad { port, rate, seconds } => bench::load(*port, *rate, *seconds),
            Self::Counts(options) => counts::run(&root, options),
            Self::Ci => ci(),
        }
    }
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask {}: {error:#}", command.name());
            ExitCode::FAILURE
        }
    }
}

/// Runs every step even after one failed, so that one run tells all, and prints the time each took.
fn ci() -> anyhow::Result<()> {
    let mut failed = Vec::new();
    let mut times = Vec::new();
    for step in [Command::Tidy, Command::Lint, Command::It, Command::Counts(counts::Options::default())] {
        println!("==> cargo xtask {}", step.name());
        let start = Instant::now();
        let result = step.run();
        times.push(format!("{:<6} {:>7.1} s", step.name(), start.elapsed().as_secs_f64()));
        if let Err(error) = result {
            eprintln!("cargo xtask {}: {error:#}", step.name());
            failed.push(step.name());
        }
    }
    println!("==> times\n{}", times.join("\n"));
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

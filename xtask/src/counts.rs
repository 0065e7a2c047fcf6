//! `cargo xtask counts`: user instructions of what every request does, beside those that were committed.
//!
//! Times depend on the machine and on what else it does; instructions depend on the compiler. Each thing is done a
//! few times and many times, under callgrind, and the difference counts: what is prepared once falls out.

use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::debian;
use crate::shell::{self, cargo, target_dir};

mod baseline;
mod callgrind;

use baseline::{Baseline, Count};
use callgrind::Sum;

/// Counts instructions, and fails where there are more than were committed.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// Takes the counts as they are now for the ones to be compared with.
    #[arg(long)]
    write: bool,
}

/// Where the committed counts are.
const BASELINE: &str = "tests/counts.toml";

/// The part of its times that a thing is done before it counts.
const WARM: u32 = 10;

/// Builds, counts, and compares.
///
/// # Errors
/// When valgrind is missing and cannot be installed, something does not build, or a count has grown.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    debian::programs(&[("valgrind", "valgrind")])?;
    let build = ["build", "--profile", "counts", "--locked", "--package", "gateway-counts"];
    shell::run(&mut cargo(root, &build))?;
    let built = target_dir(root).join("counts");
    let (program, folder) = (built.join("counts"), built.join("callgrind"));
    std::fs::create_dir_all(&folder)?;
    let things = shell::output(&mut Command::new(&program))?;
    let mut now = Baseline::of_this_machine()?;
    for (name, times) in things.lines().filter_map(|line| line.split_once(' ')) {
        let times: u32 = times.parse()?;
        let count = |times: u32| callgrind::count(&folder, &program, name, times);
        let (few, many) = (count(times / WARM)?, count(times / WARM + times)?);
        now.counts.insert(name.to_owned(), each(&few, &many, times));
    }
    let file = root.join(BASELINE);
    if options.write {
        return Ok(std::fs::write(file, now.text())?);
    }
    let comparison = now.compare(&Baseline::parse(&std::fs::read_to_string(file)?)?);
    print!("{}", comparison.text);
    anyhow::ensure!(
        !comparison.grown,
        "instructions have grown by more than 3 %: find out why; if it has to be, `cargo xtask counts --write`, and say \
         why in the commit"
    );
    Ok(())
}

/// What one time costs, by a run with few times and one with `times` more.
fn each(few: &Sum, many: &Sum, times: u32) -> Count {
    #[expect(clippy::cast_precision_loss, reason = "counts of a short run")]
    let part = |few: u64, many: u64| many.saturating_sub(few) as f64 / f64::from(times);
    Count {
        ours: part(few.ours, many.ours),
        copies: part(few.copies, many.copies),
        allocations: part(few.allocations, many.allocations),
    }
}

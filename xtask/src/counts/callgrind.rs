//! A program under callgrind, and what that says.

use std::path::Path;
use std::process::{Command, Stdio};

/// What a whole run took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Instructions of the program itself, Rust's libraries included.
    pub(crate) ours: u64,
    /// Instructions of the C library that copy and compare; the rest of it depends on what lies where.
    pub(crate) copies: u64,
    /// Calls of the allocator that ask for memory.
    pub(crate) allocations: u64,
}

/// The functions that give memory.
const ALLOCATE: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// The same copies on every machine: the C library has one for each kind of processor.
const PLAIN: &str = "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2";

/// Has `program` do a thing so many times.
///
/// # Errors
/// When it fails, or the report says nothing of it.
pub(crate) fn count(folder: &Path, program: &Path, name: &str, times: u32) -> anyhow::Result<Sum> {
    let report = folder.join(format!("{name}-{times}"));
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", report.display())).arg(program);
    command.args([name, &times.to_string()]).env("GLIBC_TUNABLES", PLAIN).stdin(Stdio::null());
    let status = command.status()?;
    anyhow::ensure!(status.success(), "{name} ended with {status}");
    let sum = sum(&std::fs::read_to_string(&report)?, &program.display().to_string());
    anyhow::ensure!(sum.ours > 0, "{} has no instructions of {}", report.display(), program.display());
    Ok(sum)
}

/// Adds up a report. Lines are `ob=OBJECT`, `fn=FUNCTION`, `LINE COST`, and `calls=COUNT …` after `cfn=FUNCTION`, whose
/// next line is the cost of what was called, which stands elsewhere too.
fn sum(text: &str, program: &str) -> Sum {
    let (mut sum, mut ours, mut copies, mut called) = (Sum::default(), false, false, "");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(object) = line.strip_prefix("ob=") {
            ours = object == program;
        } else if let Some(function) = line.strip_prefix("fn=") {
            copies = function.trim_start_matches('_').starts_with("mem");
        } else if let Some(function) = line.strip_prefix("cfn=") {
            called = function;
        } else if let Some(calls) = line.strip_prefix("calls=") {
            if ALLOCATE.contains(&called) {
                sum.allocations += number(calls.split(' ').next());
            }
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let cost = number(line.split(' ').nth(1));
            match (ours, copies) {
                (true, _) => sum.ours += cost,
                (false, true) => sum.copies += cost,
                (false, false) => {}
            }
        }
    }
    sum
}

fn number(word: Option<&str>) -> u64 {
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Sum, sum};

    #[test]
    fn costs_go_to_their_object_and_calls_are_counted_once() {
        let text = "# callgrind format\nversion: 1\nevents: Ir\nsummary: 100\n\n\
                    ob=/lib/libc.so.6\nfl=???\nfn=malloc\n0 50\n\nfn=__memcpy_sse2\n0 20\n0 1\n\n\
                    ob=/t/counts\nfl=???\nfn=counts::main\n7 5\n\
                    cob=/lib/libc.so.6\ncfi=???\ncfn=malloc\ncalls=3 0\n7 50\n8 4\n\
                    cfn=counts::other\ncalls=2 0\n9 41\n\nfn=memory::other\n12 41\n";
        assert_eq!(sum(text, "/t/counts"), Sum { ours: 50, copies: 21, allocations: 3 });
    }
}

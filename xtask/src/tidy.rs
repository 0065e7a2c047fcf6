//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! A check reads a [`Repository`] and reports; it touches nothing and starts nothing, so that each is tested on a
//! handful of lines.

use std::fmt;
use std::path::Path;

use repository::Repository;

mod arrows;
mod code;
mod layout;
mod repository;
mod size;
mod state;
mod words;

/// One check.
type Check = fn(&Repository, &mut Report);

const CHECKS: [(&str, Check); 7] = [
    ("imports", arrows::check),
    ("file sizes", size::files),
    ("crate sizes", size::crates),
    ("layout", layout::check),
    ("state and environment", state::check),
    ("unfinished work", words::unfinished),
    ("registry hosts", words::registries),
];

/// Runs all checks on the folder `root` and prints what they found.
///
/// # Errors
/// When a rule is broken, or a file cannot be read.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let repository = Repository::read(root)?;
    let mut report = Report::default();
    for (name, check) in CHECKS {
        report.check = name;
        check(&repository, &mut report);
    }
    for finding in &report.findings {
        println!("{finding}");
    }
    let errors = report.findings.iter().filter(|finding| finding.level == Level::Error).count();
    let warnings = report.findings.len() - errors;
    let files = repository.files().len();
    println!("tidy: {} checks, {files} files, {errors} errors, {warnings} warnings", CHECKS.len());
    anyhow::ensure!(errors == 0, "{errors} rules are broken");
    Ok(())
}

/// What the checks found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    check: &'static str,
    findings: Vec<Finding>,
}

impl Report {
    /// A broken rule: `line` counts from 1, and 0 is the file as a whole.
    pub(crate) fn error(
        &mut self,
        file: &str,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Level::Error, file, line, what.into(), remedy.into());
    }

    /// Something to look at, which fails nothing.
    pub(crate) fn warning(
        &mut self,
        file: &str,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Level::Warning, file, line, what.into(), remedy.into());
    }

    fn push(&mut self, level: Level, file: &str, line: usize, what: String, remedy: String) {
        let check = self.check;
        self.findings.push(Finding { level, check, file: file.to_owned(), line, what, remedy });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
}

#[derive(Debug)]
struct Finding {
    level: Level,
    check: &'static str,
    file: String,
    line: usize,
    what: String,
    remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        let Self { check, file, what, remedy, .. } = self;
        match self.line {
            0 => write!(f, "{file}: {level} ({check}): {what}; {remedy}"),
            line => write!(f, "{file}:{line}: {level} ({check}): {what}; {remedy}"),
        }
    }
}

#[cfg(test)]
mod testing;

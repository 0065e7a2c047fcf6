//! Nobody keeps process-wide state, and crates do not read the environment: what they need is passed in.

use super::Report;
use super::repository::{File, Repository};

/// What makes a `static` more than a constant.
const CELLS: [&str; 10] =
    ["Atomic", "Cell", "Lazy", "Mutex", "OnceLock", "RwLock", "Once<", "Arc<", "DashMap", "Receiver"];

/// Checks the crates and the command; only the command reads the environment.
pub(crate) fn check(repository: &Repository, report: &mut Report) {
    for file in repository.rust("crates/") {
        environment(file, report);
        statics(file, report);
    }
    for file in repository.rust("gateway-bin/") {
        statics(file, report);
    }
}

fn environment(file: &File, report: &mut Report) {
    for (at, line) in file.code.lines().enumerate() {
        if ["std::env::", "std::env;", "env::var", "env::{"].iter().any(|read| line.contains(read)) {
            let remedy = "let gateway-bin read it and pass it in";
            report.error(&file.path, at + 1, "a crate reads its process's environment", remedy);
        }
    }
}

fn statics(file: &File, report: &mut Report) {
    let remedy = "own it in a struct and pass that in";
    for (at, line) in file.code.lines().enumerate() {
        if line.contains("thread_local!") {
            report.error(&file.path, at + 1, "state of a thread", remedy);
        }
    }
    for (at, _) in file.code.match_indices("static ") {
        let before = file.code.get(..at).unwrap_or_default();
        if before.ends_with(|c: char| c == '\'' || c == '_' || c.is_alphanumeric()) {
            continue;
        }
        let item = file.code.get(at + "static ".len()..).unwrap_or_default();
        let declaration = item.split(['=', ';', '{']).next().unwrap_or_default();
        if declaration.starts_with("mut ") || CELLS.iter().any(|cell| declaration.contains(cell)) {
            report.error(&file.path, before.lines().count().max(1), "state of the process", remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::testing::expect;

    #[track_caller]
    fn at(text: &str, line: usize, message: &str) {
        let place = |folder: &str| format!("{folder}/src/b.rs:{line}: error");
        expect(check, &[("crates/a/src/b.rs", text)], &[(&place("crates/a"), message)]);
        let command: &[_] = &[(&*place("gateway-bin"), message)];
        let command = if message == "environment" { &[] } else { command };
        expect(check, &[("gateway-bin/src/b.rs", text)], command);
    }

    #[test]
    fn reads_of_the_environment_fail() {
        at("//! D.\n\nlet a = std::env::args();", 3, "environment");
        at("use std::env;\n", 1, "environment");
        at("let a = env::var(\"A\");", 1, "environment");
        at("use std::{fmt, env::{self}};", 1, "environment");
    }

    #[test]
    fn state_of_the_process_fails() {
        at("x;\n\n    static A: AtomicUsize = AtomicUsize::new(0);", 3, "state of the process");
        at("pub static A: std::sync::LazyLock<Regex> =", 1, "state of the process");
        at("static mut A: u8 = 0;", 1, "state of the process");
        at("static A:\n    parking_lot::Mutex<u8> = x;", 1, "state of the process");
        at("std::thread_local! { static A: u8 = 0 }", 1, "state of a thread");
    }

    #[test]
    fn constants_lifetimes_comments_and_compile_time_reads_pass() {
        for text in [
            "static NAMES: [&'static str; 1] = [\"Mutex\"];",
            "fn a(b: &'static Mutex<u8>) {}",
            "// static A: Mutex<u8>, std::env::var",
            "let a = \"std::env::var\";",
            "let a = env!(\"CARGO_PKG_VERSION\");",
            "struct A { b: OnceLock<u8> }",
        ] {
            expect(check, &[("crates/a/src/b.rs", text)], &[]);
        }
    }
}

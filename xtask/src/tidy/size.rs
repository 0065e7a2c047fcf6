//! How long a file and a crate may be. Functions are clippy's: `too-many-lines-threshold`.

use super::Report;
use super::repository::{File, Repository};

/// Lines that a file is aimed to stay within.
const FILE_AIM: usize = 400;
/// Lines that no file exceeds.
const FILE_LIMIT: usize = 600;
/// Lines of code of the vocabulary crate.
const CORE_LIMIT: usize = 700;
/// Lines of the command, its embedded demo apart.
const COMMAND_LIMIT: usize = 1_500;

/// No source file is longer than one can keep in mind.
pub(crate) fn files(repository: &Repository, report: &mut Report) {
    let sources = repository.files().iter().filter(|file| file.is_rust() || file.path.ends_with(".py"));
    for file in sources {
        let lines = file.text.lines().count();
        let remedy = "split it: one idea per file";
        if lines > FILE_LIMIT {
            report.error(&file.path, lines, format!("{lines} lines, {FILE_LIMIT} at most"), remedy);
        } else if lines > FILE_AIM {
            report.warning(&file.path, lines, format!("{lines} lines, {FILE_AIM} aimed for"), remedy);
        }
    }
}

/// The two crates that everything else leans on, or that draw everything to them, stay small.
pub(crate) fn crates(repository: &Repository, report: &mut Report) {
    let core: usize =
        repository.rust("crates/gw-core/src/").filter(|file| !file.is_test()).map(code_lines).sum();
    if core > CORE_LIMIT {
        let what = format!("gw-core has {core} lines of code, {CORE_LIMIT} at most");
        report.error("crates/gw-core", 0, what, "move what only some crates need to the crate that owns it");
    }
    let is_command = |file: &&File| {
        let demo = file.path.starts_with("gateway-bin/src/demo/") || file.path == "gateway-bin/src/demo.rs";
        !demo && !file.is_test()
    };
    let command: usize =
        repository.rust("gateway-bin/src/").filter(is_command).map(|file| file.text.lines().count()).sum();
    if command > COMMAND_LIMIT {
        let what = format!("gateway-bin/src has {command} lines, {COMMAND_LIMIT} at most");
        report.error("gateway-bin/src", 0, what, "move each command's logic to the crate that owns it");
    }
}

/// Lines that are neither blank nor comment, up to a trailing inline test module.
fn code_lines(file: &File) -> usize {
    let code = file.code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::{crates, files};
    use crate::tidy::testing::expect;

    #[test]
    fn a_file_is_aimed_at_400_lines_and_ends_at_600() {
        for (lines, expected) in [
            (400, None),
            (401, Some(("a.rs:401: warning", "400 aimed for"))),
            (600, Some(("a.rs:600: warning", "400 aimed for"))),
            (601, Some(("a.rs:601: error", "600 at most"))),
        ] {
            expect(files, &[("a.rs", &"x;\n".repeat(lines))], expected.as_slice());
        }
        expect(files, &[("a.md", &"x\n".repeat(601))], &[]);
    }

    #[test]
    fn the_core_has_700_lines_of_code_without_comments_and_tests() {
        let path = "crates/gw-core/src/lib.rs";
        let most = format!("//! Docs.\n\n{}#[cfg(test)]\nmod tests {{\n  x;\n}}\n", "x; // y\n".repeat(700));
        expect(crates, &[(path, &most)], &[]);
        expect(crates, &[(path, &most), ("crates/gw-core/src/a/tests.rs", "x;")], &[]);
        let more = [(path, most.as_str()), ("crates/gw-core/src/a.rs", "/* */\ny;")];
        expect(crates, &more, &[("crates/gw-core: error", "701 lines of code, 700 at most")]);
    }

    #[test]
    fn the_command_has_1500_lines_without_its_demo() {
        let most = "x;\n".repeat(1_500);
        let demo = [("gateway-bin/src/a.rs", most.as_str()), ("gateway-bin/src/demo/http.rs", "x;")];
        expect(crates, &demo, &[]);
        let more = [("gateway-bin/src/a.rs", most.as_str()), ("gateway-bin/src/main.rs", "x;")];
        expect(crates, &more, &[("gateway-bin/src: error", "1501 lines, 1500 at most")]);
    }
}

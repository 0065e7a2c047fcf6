//! Words that do not belong into the repository. They are put together here, so that this file passes itself.

use super::Report;
use super::repository::{File, Repository};

/// A lock file names the registry in every entry: cargo writes it so, whatever mirror is configured.
const LOCK: &str = "Cargo.lock";

/// Work is finished or filed as an issue; tests run or do not exist.
pub(crate) fn unfinished(repository: &Repository, report: &mut Report) {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let macros = [concat!("to", "do!("), concat!("unimplem", "ented!("), concat!("#[", "ignore")];
    for file in repository.files().iter().filter(|file| !file.path.ends_with(LOCK)) {
        for (line, text) in lines(file) {
            for word in words.iter().filter(|word| has_word(text, word)) {
                report.error(&file.path, line, format!("`{word}`"), "do it, or file an issue");
            }
            for found in macros.iter().filter(|found| file.is_rust() && text.contains(*found)) {
                report.error(&file.path, line, format!("`{found}`"), "write it, or leave it out");
            }
        }
    }
}

/// Builds go through whatever registry their machine has: no file of ours names a host of one.
pub(crate) fn registries(repository: &Repository, report: &mut Report) {
    let hosts = [
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("deb.debian", ".org"),
        concat!("static.rust", "-lang.org"),
        concat!("registry.npm", "js.org"),
        concat!("pythonhosted", ".org"),
    ];
    for file in repository.files().iter().filter(|file| !file.path.ends_with(LOCK)) {
        for (line, text) in lines(file) {
            for host in hosts.iter().filter(|host| text.contains(*host)) {
                let remedy = "name the package and leave the host to the machine's configuration";
                report.error(&file.path, line, format!("names the registry host {host}"), remedy);
            }
        }
    }
}

fn lines(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().map(|(at, text)| (at + 1, text))
}

fn has_word(text: &str, word: &str) -> bool {
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at + word.len()..).unwrap_or_default();
        !before.ends_with(of_word) && !after.starts_with(of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::{registries, unfinished};
    use crate::tidy::testing::expect;

    #[test]
    fn unfinished_work_fails_wherever_it_stands() {
        for (path, text) in [
            ("a.rs", concat!("x;\n// TO", "DO: y")),
            ("a.sh", concat!("x\n# FIX", "ME")),
            ("a.rs", concat!("fn a() {\n    to", "do!(); }")),
            ("a.rs", concat!("fn a() {\n    unimplem", "ented!() }")),
            ("a.rs", concat!("x;\n#[", "ignore = \"slow\"]")),
        ] {
            expect(unfinished, &[(path, text)], &[(&format!("{path}:2: error"), "`")]);
        }
    }

    #[test]
    fn words_that_only_look_alike_pass() {
        let lint = concat!("to", "do = \"warn\"");
        expect(unfinished, &[("Cargo.toml", lint), ("a.rs", concat!("MY_TO", "DO_LIST"))], &[]);
    }

    #[test]
    fn registry_hosts_fail_but_in_the_lock_file() {
        let text = concat!("a\nb https://crates", ".io/x");
        expect(registries, &[("docs/a.md", text)], &[("docs/a.md:2: error", "registry host")]);
        expect(registries, &[("Cargo.lock", text), ("a/Cargo.lock", text)], &[]);
    }
}

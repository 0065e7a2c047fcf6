//! The counts that were committed, and how those of now compare with them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use anyhow::Context as _;

use crate::shell;

/// How many more instructions are still the same: so large a part, and a few of what is small.
const PART: f64 = 0.03;
const FEW: f64 = 2.0;
/// How many more allocations are, most of which are whole.
const SELDOM: f64 = 0.2;

/// What doing a thing once takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count {
    /// Instructions of the program.
    pub(crate) ours: f64,
    /// Instructions of the C library that copy and compare.
    pub(crate) copies: f64,
    /// Calls of the allocator.
    pub(crate) allocations: f64,
}

/// Counts, and what they depend on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Baseline {
    pub(crate) rustc: String,
    pub(crate) glibc: String,
    pub(crate) counts: BTreeMap<String, Count>,
}

/// What a comparison came to.
pub(crate) struct Comparison {
    /// For people.
    pub(crate) text: String,
    /// Whether a count has grown beyond its tolerance.
    pub(crate) grown: bool,
}

impl Baseline {
    /// One without counts.
    ///
    /// # Errors
    /// When the compiler or the C library do not say their version.
    pub(crate) fn of_this_machine() -> anyhow::Result<Self> {
        let said = |command: &mut Command| Ok::<_, anyhow::Error>(shell::output(command)?.trim().to_owned());
        let rustc = said(Command::new("rustc").arg("--version"))?;
        let glibc = said(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
        Ok(Self { rustc, glibc, counts: BTreeMap::new() })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is not one of [`text`](Self::text).
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse()?;
        let word = |key: &str| Some(table.get(key)?.as_str()?.to_owned());
        let count = |counts: &toml::Value| {
            let number = |key: &str| counts.get(key)?.as_float();
            Some(Count {
                ours: number("ours")?,
                copies: number("copies")?,
                allocations: number("allocations")?,
            })
        };
        let counts = table.iter().filter(|(_, value)| value.is_table());
        let counts: Option<_> = counts.map(|(name, value)| Some((name.clone(), count(value)?))).collect();
        let read = || Some(Self { rustc: word("rustc")?, glibc: word("glibc")?, counts: counts? });
        read().context("not a file of `cargo xtask counts --write`")
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        let Self { rustc, glibc, counts } = self;
        let mut text = format!(
            "# User instructions of what every request does; see docs/performance.md. Written by `cargo xtask counts --write`.\n\
             rustc = \"{rustc}\"\nglibc = \"{glibc}\"\n"
        );
        for (name, Count { ours, copies, allocations }) in counts {
            let _ = write!(
                text,
                "\n[{name}]\nours = {ours:.1}\ncopies = {copies:.1}\nallocations = {allocations:.2}\n"
            );
        }
        text
    }

    /// Compares these counts with `committed` ones. What depends on another compiler or C library is shown only.
    pub(crate) fn compare(&self, committed: &Self) -> Comparison {
        let (rustc, glibc) = (self.rustc == committed.rustc, self.glibc == committed.glibc);
        let mut comparison = Comparison { text: String::new(), grown: false };
        for (what, same, theirs, ours) in [
            ("rustc", rustc, &committed.rustc, &self.rustc),
            ("copies", rustc && glibc, &committed.glibc, &self.glibc),
        ] {
            if !same {
                let _ = writeln!(
                    comparison.text,
                    "NOT COMPARED ({what}): committed with {theirs}, here is {ours}"
                );
            }
        }
        let names =
            self.counts.keys().chain(committed.counts.keys().filter(|name| !self.counts.contains_key(*name)));
        for name in names {
            let (Some(now), Some(then)) = (self.counts.get(name), committed.counts.get(name)) else {
                comparison.grown = true;
                let _ = writeln!(comparison.text, "{name}: counted or committed, but not both");
                continue;
            };
            let beyond = |then: f64| (then * PART).max(FEW);
            let libraries = rustc && glibc;
            comparison.line(name, "instructions", (then.ours, now.ours), rustc.then_some(beyond(then.ours)));
            comparison.line(
                name,
                "to copy",
                (then.copies, now.copies),
                libraries.then_some(beyond(then.copies)),
            );
            comparison.line(
                name,
                "allocations",
                (then.allocations, now.allocations),
                rustc.then_some(SELDOM),
            );
        }
        comparison
    }
}

impl Comparison {
    /// One figure; what differs by more than `beyond` is said to, and without that nothing is.
    fn line(&mut self, name: &str, what: &str, (then, now): (f64, f64), beyond: Option<f64>) {
        let differs = |more: f64| beyond.is_some_and(|beyond| more > beyond);
        self.grown |= differs(now - then);
        let verdict = match () {
            () if differs(now - then) => "GROWN",
            () if differs(then - now) => "less: tighten it with `cargo xtask counts --write`",
            () => "",
        };
        let change = if then > 0.0 { (now / then - 1.0) * 100.0 } else { 0.0 };
        let _ =
            writeln!(self.text, "{name:<14} {what:<13} {then:>10.2} {now:>10.2} {change:>+7.1} %  {verdict}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(ours: f64, copies: f64, allocations: f64) -> Baseline {
        let counts = [("pick".to_owned(), Count { ours, copies, allocations })].into();
        Baseline { rustc: "rustc 1.95.0".to_owned(), glibc: "glibc 2.36".to_owned(), counts }
    }

    #[track_caller]
    fn check(now: &Baseline, then: &Baseline, grown: bool, says: &[&str]) {
        let comparison = now.compare(then);
        assert_eq!(comparison.grown, grown, "{}", comparison.text);
        for words in says {
            assert!(comparison.text.contains(words), "{words}: {}", comparison.text);
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let written = baseline(1000.5, 20.0, 1.25);
        assert_eq!(Baseline::parse(&written.text()).unwrap(), written);
        assert!(Baseline::parse("rustc = \"1\"\nglibc = \"2\"\n[pick]\nours = 1.0\n").is_err());
    }

    #[test]
    fn three_in_a_hundred_are_the_same_and_more_are_not() {
        let then = baseline(1000.0, 500.0, 1.0);
        check(&baseline(1030.0, 515.0, 1.19), &then, false, &["+3.0 %"]);
        check(&baseline(1031.0, 500.0, 1.0), &then, true, &["GROWN"]);
        check(&baseline(1000.0, 516.0, 1.0), &then, true, &["GROWN"]);
        check(&baseline(1000.0, 500.0, 1.21), &then, true, &["GROWN"]);
        check(&baseline(960.0, 500.0, 1.0), &then, false, &["tighten"]);
        check(&baseline(3.0, 0.0, 0.0), &baseline(1.5, 0.0, 0.0), false, &["+100.0 %"]);
    }

    #[test]
    fn nothing_is_compared_across_compilers_nor_copies_across_libraries() {
        let then = baseline(1000.0, 500.0, 1.0);
        let other = Baseline { glibc: "glibc 2.41".to_owned(), ..baseline(1000.0, 900.0, 1.0) };
        check(&other, &then, false, &["NOT COMPARED (copies)"]);
        let other = Baseline { glibc: "glibc 2.41".to_owned(), ..baseline(2000.0, 500.0, 1.0) };
        check(&other, &then, true, &["GROWN"]);
        let other = Baseline { rustc: "rustc 1.96.0".to_owned(), ..baseline(2000.0, 900.0, 9.0) };
        check(&other, &then, false, &["NOT COMPARED (rustc)"]);
    }

    #[test]
    fn what_is_only_in_one_of_them_fails() {
        let mut other = baseline(1.0, 1.0, 1.0);
        other.counts.insert("new".to_owned(), Count { ours: 1.0, copies: 1.0, allocations: 1.0 });
        check(&other, &baseline(1.0, 1.0, 1.0), true, &["new"]);
        check(&baseline(1.0, 1.0, 1.0), &other, true, &["new"]);
    }
}

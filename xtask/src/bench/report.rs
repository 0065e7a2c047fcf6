//! What a run says: the median of each proxy, and of the ratios within a round.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::bars;
use super::peers::OURS;
use super::round::{Measured, Results};

/// All that was measured, and with what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) rounds: usize,
    pub(crate) seconds: u32,
    /// The machine and the versions.
    pub(crate) machine: Vec<String>,
    pub(crate) results: Vec<Results>,
}

/// The medians of one proxy in one scenario.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) proxy: String,
    pub(crate) cost: f64,
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Its cost over ours: above 1, ours is the cheaper one.
    pub(crate) ratio: f64,
    /// Between the cheapest and the dearest round, over the median.
    pub(crate) spread: f64,
}

/// The lines of a scenario, cheapest first.
pub(crate) fn lines(measured: &BTreeMap<String, Vec<Measured>>) -> Vec<Line> {
    let ours = measured.get(OURS);
    let mut lines: Vec<Line> = measured
        .iter()
        .map(|(proxy, rounds)| {
            let of = |value: fn(&Measured) -> f64| median(rounds.iter().map(value).collect());
            let ratios = ours.into_iter().flatten().zip(rounds).map(|(ours, theirs)| theirs.cost / ours.cost);
            let costs = || rounds.iter().map(|round| round.cost);
            let cost = of(|round| round.cost);
            Line {
                proxy: proxy.clone(),
                cost,
                rate: of(|round| round.rate),
                p50: of(|round| round.p50),
                p99: of(|round| round.p99),
                ratio: median(ratios.collect()),
                spread: (costs().fold(0.0, f64::max) - costs().fold(f64::MAX, f64::min)) / cost,
            }
        })
        .collect();
    lines.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    lines
}

/// A Markdown table for each scenario.
pub(crate) fn tables(results: &[Results]) -> String {
    let mut text = String::new();
    for Results { scenario, proxies } in results {
        let _ = write!(text, "\n### {}\n\n{}\n\n", scenario.name(), scenario.about());
        let loaded = !scenario.is_memory();
        let (head, rule) =
            if loaded { (" requests/s | p50 µs | p99 µs |", "---|---|---|") } else { ("", "") };
        let _ = writeln!(text, "| proxy | {} | × ours | spread |{head}", scenario.unit());
        let _ = writeln!(text, "|---|---|---|---|{rule}");
        for Line { proxy, cost, rate, p50, p99, ratio, spread } in lines(proxies) {
            let spread = spread * 100.0;
            let _ = write!(text, "| {proxy} | {cost:.1} | {ratio:.2} | {spread:.0} % |");
            let _ = match loaded {
                // h2load has times of whole runs only, which says nothing of handshakes.
                true if p99 == 0.0 => writeln!(text, " {rate:.0} | – | – |"),
                true => writeln!(text, " {rate:.0} | {p50:.0} | {p99:.0} |"),
                false => writeln!(text),
            };
        }
        more(&mut text, proxies);
    }
    text
}

/// The medians of what else was measured.
fn more(text: &mut String, proxies: &BTreeMap<String, Vec<Measured>>) {
    for (proxy, rounds) in proxies {
        let names: BTreeSet<&String> = rounds.iter().flat_map(|round| round.more.keys()).collect();
        for name in names {
            let values = rounds.iter().filter_map(|round| round.more.get(name).copied());
            let _ = write!(text, "\n{proxy}: {name} {:.3}\n", median(values.collect()));
        }
    }
}

/// `docs/benchmarks.md`.
pub(crate) fn page(run: &Run) -> String {
    let Run { rounds, seconds, machine, results } = run;
    format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench --write`; do not edit.\n\n\
         ![CPU per request, ours = 1](benchmarks.svg)\n\n\
         ## What is wanted, and what is\n\n\
         The median of the rounds decides. Of nginx there are two: `nginx` without an access log, `nginx-log` with one \
         whose fields are those of ours. `plain` is ours with one route and one worker.\n\n{}\n\
         ## Method\n\n{}\n\n## What is not measured\n\n{}\n\n\
         ## What it was measured with\n\n{rounds} rounds, {seconds} s for each measurement.\n\n- {}\n\n\
         ## Results\n{}",
        bars::table(results),
        include_str!("method.md").trim_end(),
        include_str!("missing.md").trim_end(),
        machine.join("\n- "),
        tables(results)
    )
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::scenario::Scenario;

    #[test]
    fn ratios_are_taken_within_rounds() {
        let rounds = |costs: [f64; 3]| costs.map(|cost| Measured { cost, ..Measured::default() }).to_vec();
        let measured = BTreeMap::from([
            (OURS.to_owned(), rounds([10.0, 20.0, 30.0])),
            ("peer".to_owned(), rounds([20.0, 30.0, 30.0])),
        ]);
        let lines = lines(&measured);
        assert_eq!((lines[0].proxy.as_str(), lines[0].cost, lines[0].ratio), (OURS, 20.0, 1.0));
        assert_eq!((lines[1].cost, lines[1].ratio), (30.0, 1.5));
    }

    #[test]
    fn a_run_is_rendered_as_it_was_written() {
        let more = BTreeMap::from([("futex calls a request".to_owned(), 0.25)]);
        let measured = Measured { cost: 10.0, p99: 7.0, more, ..Measured::default() };
        let proxies = BTreeMap::from([(OURS.to_owned(), vec![measured])]);
        let results = vec![Results { scenario: Scenario::Workers, proxies }];
        let run = Run { rounds: 1, seconds: 3, machine: vec!["2 cores".to_owned()], results };
        let read: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
        assert_eq!(page(&read), page(&run));
        for line in [
            "- 2 cores",
            "| gateway | 10.0 | 1.00 | 0 % | 0 | 0 | 7 |",
            "gateway: futex calls a request 0.250",
        ] {
            assert!(page(&read).lines().any(|found| found == line), "{line}\n{}", page(&read));
        }
    }
}

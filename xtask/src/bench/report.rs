//! What a run says: the median of each proxy, and of the ratios within a round.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::load::Scenario;
use super::round::{Measured, Results};

/// Our name, the denominator of all ratios.
pub(crate) const OURS: &str = "gateway";

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
pub(crate) fn table(results: &Results) -> String {
    let mut text = String::new();
    for (scenario, measured) in results {
        let _ = write!(text, "\n### {}\n\n", scenario.name());
        if *scenario == Scenario::Idle {
            text.push_str("| proxy | KiB a connection | × ours |\n|---|---|---|\n");
            for line in lines(measured) {
                let _ = writeln!(text, "| {} | {:.1} | {:.2} |", line.proxy, line.cost, line.ratio);
            }
            continue;
        }
        text.push_str("| proxy | CPU µs a request | × ours | requests/s | p50 µs | p99 µs | spread |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        for line in lines(measured) {
            let Line { proxy, cost, rate, p50, p99, ratio, spread } = line;
            let spread = spread * 100.0;
            let _ = writeln!(
                text,
                "| {proxy} | {cost:.1} | {ratio:.2} | {rate:.0} | {p50:.0} | {p99:.0} | {spread:.0} % |"
            );
        }
    }
    text
}

/// Every measurement.
///
/// # Errors
/// Never with numbers that were measured.
pub(crate) fn json(results: &Results) -> anyhow::Result<String> {
    let one = |round: &Measured| {
        json!({ "cost": round.cost, "rate": round.rate, "p50_us": round.p50, "p99_us": round.p99,
                "foreign": round.foreign })
    };
    let scenario = |(scenario, measured): &(Scenario, BTreeMap<String, Vec<Measured>>)| {
        let proxies: serde_json::Map<_, _> = measured
            .iter()
            .map(|(proxy, rounds)| (proxy.clone(), rounds.iter().map(one).collect::<Vec<_>>().into()))
            .collect();
        json!({ "scenario": scenario.name(), "proxies": proxies })
    };
    Ok(serde_json::to_string_pretty(&results.iter().map(scenario).collect::<Vec<_>>())? + "\n")
}

/// `docs/benchmarks.md`.
pub(crate) fn page(results: &Results, machine: &str) -> String {
    format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench --write`; do not edit.\n\n\
         ![CPU per request, ours = 1](benchmarks.svg)\n\n\
         ## Method\n\n\
         CPU time (user and system, from `/proc`) of the proxy's processes, divided by the answers that the load \
         counted. Each proxy has one worker and core 0 for itself; load (wrk, h2load) and origin share core 1, in a \
         network namespace of their own. Rounds are interleaved, each with a fresh process in turning order; the \
         figures are medians over the rounds, `× ours` the median of the ratios within a round: above 1, ours is the \
         cheaper one. A measurement in which others took more than 6 % of the machine is made again. Our whole chain \
         is on: routing, cors, request_id, metrics, a JSON access log in a file, X-Forwarded-*, timeouts; the peers \
         log nothing, but for nginx-log, whose log has the fields of ours. Where a proxy cannot fill its core the \
         rate says nothing of it; the cost does. p50 and p99 are those of the full load, but for `rate`; there and in \
         `h2c` they are the mean and the longest, which is what h2load tells.\n\n\
         To repeat it: `cargo xtask bench`, on Debian as root; `--help` names peers and scenarios.\n\n\
         {machine}\n\n## Results\n{}",
        table(results)
    )
}

fn median(mut values: Vec<f64>) -> f64 {
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
}

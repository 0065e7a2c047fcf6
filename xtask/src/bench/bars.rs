//! What we want to be, and whether a run says that we are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::peers::{OURS, Proxy};
use super::reload::{MEMORY, P99};
use super::report::median;
use super::round::{FUTEXES, Measured, Results};
use super::scenario::Scenario::{self, *};

/// What is compared.
#[derive(Clone, Copy, Debug)]
enum Figure {
    /// The cost of another over ours: at least so much.
    Cost(&'static str),
    /// The 99th percentile of another over ours: at least so much.
    Latency(&'static str),
    /// Our cost over that of another: at most so much.
    Over(&'static str),
    /// Our cost: at most so much.
    Own,
    /// What else was measured of ours: at most so much.
    More(&'static str),
}

use Figure::{Cost, Latency, More, Over, Own};

/// What a figure has to reach, and what it should.
type Bar = (&'static [Scenario], Figure, Option<f64>, Option<f64>);

const BARS: [Bar; 34] = [
    (&[Small, Ten, Post], Cost("nginx-log"), Some(1.15), None),
    (&[Small, Ten, Post], Cost("nginx"), None, Some(1.15)),
    (&[Small, Ten, Post], Cost("haproxy"), Some(1.1), None),
    // What differs from request to request costs us more than what does not.
    (&[Varied], Cost("nginx-log"), None, None),
    (&[Varied], Cost("haproxy"), None, None),
    (&[Small, Ten, Post], Cost("pingora"), Some(1.9), None),
    (&[Small, Ten, Post], Cost("envoy"), Some(2.8), None),
    (&[Chunked, Mega], Cost("nginx-log"), Some(1.15), Some(1.4)),
    (&[Chunked, Mega], Cost("nginx"), Some(1.15), Some(1.4)),
    (&[H2c], Cost("nginx-log"), Some(1.4), None),
    (&[H2c], Cost("nginx"), Some(1.4), None),
    (&[H2c], Cost("haproxy"), Some(1.0), Some(1.15)),
    (&[H2c], Cost("envoy"), Some(2.0), None),
    (&[Grpc], Cost("envoy"), Some(2.0), None),
    (&[Grpc], Cost("nginx-log"), None, Some(1.4)),
    (&[Grpc], Cost("nginx"), None, Some(1.4)),
    (&[Tls], Cost("nginx-log"), Some(1.3), Some(1.45)),
    (&[Tls], Cost("nginx"), Some(1.3), Some(1.45)),
    (&[Handshake], Cost("nginx-log"), Some(1.1), Some(1.25)),
    (&[Handshake], Cost("nginx"), Some(1.1), Some(1.25)),
    (&[Routes, TenRoutes], Over("plain"), Some(1.05), None),
    (&[Close, One], Cost("nginx-log"), Some(1.0), None),
    (&[Close, One], Cost("nginx"), Some(1.0), None),
    (&[Rate], Latency("nginx-log"), Some(1.0), None),
    (&[Rate], Latency("nginx"), Some(1.0), None),
    (&[Idle], Own, Some(4.0), Some(1.2)),
    (&[IdleTls], Own, Some(20.0), None),
    (&[Workers], Over("plain"), Some(1.05), None),
    // None a request: what there is are the batches of the access log, which wake its writer.
    (&[Workers], More(FUTEXES), Some(0.1), None),
    (&[Reload], Own, Some(300.0), None),
    (&[Reload], More(P99), Some(2.0), None),
    (&[Reload], More(MEMORY), Some(1.1), None),
    (&[Idle], Cost("nginx"), None, None),
    (&[Idle], Cost("haproxy"), None, None),
];

/// All scenarios that have a bar.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all: Vec<Scenario> = Vec::new();
    for scenario in BARS.iter().flat_map(|bar| bar.0) {
        if !all.contains(scenario) {
            all.push(*scenario);
        }
    }
    all
}

/// Whether a bar of `scenario` is about `proxy`; ours is part of all.
pub(crate) fn names(scenario: Scenario, proxy: &Proxy) -> bool {
    let name = proxy.name();
    let of = |bar: &Bar| bar.0.contains(&scenario) && bar.1.other().is_none_or(|other| other == name);
    *proxy == Proxy::Ours || BARS.iter().any(|bar| bar.1.other().is_some() && of(bar))
}

impl Figure {
    fn other(self) -> Option<&'static str> {
        match self {
            Cost(other) | Latency(other) | Over(other) => Some(other),
            Own | More(_) => None,
        }
    }

    /// Whether more is better.
    fn rises(self) -> bool {
        matches!(self, Cost(_) | Latency(_))
    }

    fn title(self, scenario: Scenario) -> String {
        match self {
            Cost(other) => format!("{other} ÷ ours"),
            Latency(other) => format!("p99 of {other} ÷ ours"),
            Over(other) => format!("ours ÷ {other}"),
            Own => scenario.unit().to_owned(),
            More(name) => name.to_owned(),
        }
    }

    /// Its value in each round.
    fn values(self, measured: &BTreeMap<String, Vec<Measured>>) -> Vec<f64> {
        let of = |name: &str| measured.get(name).into_iter().flatten();
        let pair = |other, value: fn(&Measured, &Measured) -> f64| {
            of(OURS).zip(of(other)).map(|(ours, theirs)| value(ours, theirs)).collect()
        };
        match self {
            Cost(other) => pair(other, |ours, theirs| theirs.cost / ours.cost),
            Latency(other) => pair(other, |ours, theirs| theirs.p99 / ours.p99),
            Over(other) => pair(other, |ours, theirs| ours.cost / theirs.cost),
            Own => of(OURS).map(|ours| ours.cost).collect(),
            More(name) => of(OURS).filter_map(|ours| ours.more.get(name).copied()).collect(),
        }
    }
}

/// A table of all bars, as a run says.
pub(crate) fn table(results: &[Results]) -> String {
    let mut text =
        "| scenario | figure | measured | rounds | bar | goal | verdict |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (scenario, figure, bar, goal) in scenarios().into_iter().flat_map(of) {
        let measured = results.iter().find(|results| results.scenario == scenario);
        let values = measured.map(|results| figure.values(&results.proxies)).unwrap_or_default();
        let wanted = |value: Option<f64>| {
            value.map_or_else(
                || "–".to_owned(),
                |value| format!("{} {value}", if figure.rises() { "≥" } else { "≤" }),
            )
        };
        let (value, between) = shown(&values);
        let _ = writeln!(
            text,
            "| {} | {} | {value} | {between} | {} | {} | {} |",
            scenario.name(),
            figure.title(scenario),
            wanted(bar),
            wanted(goal),
            verdict(figure, &values, bar, goal),
        );
    }
    text
}

/// The bars of a scenario.
fn of(scenario: Scenario) -> impl Iterator<Item = (Scenario, Figure, Option<f64>, Option<f64>)> {
    BARS.iter()
        .filter(move |bar| bar.0.contains(&scenario))
        .map(move |(_, figure, bar, goal)| (scenario, *figure, *bar, *goal))
}

/// The median, and the lowest and highest round.
fn shown(values: &[f64]) -> (String, String) {
    if values.is_empty() {
        return ("–".to_owned(), "–".to_owned());
    }
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    (format!("{:.2}", median(values.to_vec())), format!("{low:.2}–{high:.2}"))
}

fn verdict(figure: Figure, values: &[f64], bar: Option<f64>, goal: Option<f64>) -> &'static str {
    if values.is_empty() {
        return "not measured";
    }
    let value = median(values.to_vec());
    let reaches = |wanted: f64| if figure.rises() { value >= wanted } else { value <= wanted };
    match (bar.map(reaches), goal.map(reaches)) {
        (_, Some(true)) => "goal reached",
        (Some(true), _) => "bar reached",
        (Some(false), _) => "**missed**",
        (None, Some(false)) => "goal not reached",
        (None, None) => "no bar",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(scenario: Scenario, costs: &[(&str, [f64; 3])]) -> Results {
        let rounds = |costs: [f64; 3]| costs.map(|cost| Measured { cost, ..Measured::default() }).to_vec();
        let proxies = costs.iter().map(|(name, costs)| ((*name).to_owned(), rounds(*costs))).collect();
        Results { scenario, proxies }
    }

    #[test]
    fn a_verdict_is_the_medians_of_what_was_measured() {
        let small = [
            ("gateway", [10.0, 10.0, 10.0]),
            ("nginx-log", [11.0, 11.6, 30.0]),
            ("haproxy", [9.0, 12.0, 10.9]),
        ];
        let text = table(&[
            results(Small, &small),
            results(Workers, &[("gateway", [10.6; 3]), ("plain", [10.0; 3])]),
        ]);
        for line in [
            "| small | nginx-log ÷ ours | 1.16 | 1.10–3.00 | ≥ 1.15 | – | bar reached |",
            "| small | haproxy ÷ ours | 1.09 | 0.90–1.20 | ≥ 1.1 | – | **missed** |",
            "| small | envoy ÷ ours | – | – | ≥ 2.8 | – | not measured |",
            "| workers | ours ÷ plain | 1.06 | 1.06–1.06 | ≤ 1.05 | – | **missed** |",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn every_scenario_has_a_bar() {
        use clap::ValueEnum as _;
        assert_eq!(scenarios().len(), Scenario::value_variants().len());
    }
}

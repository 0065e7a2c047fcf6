//! The chart of a run: for each scenario a bar a proxy, its cost over ours.

use std::fmt::Write as _;

use super::peers::OURS;
use super::report::lines;
use super::round::Results;
use super::scenario::Scenario;

const WIDTH: f64 = 760.0;
const NAMES: f64 = 110.0;
const BAR: f64 = 16.0;
/// Longer bars are cut off; their figure stands beside them.
const LONGEST: f64 = 6.0;

/// An SVG picture that needs no fonts or scripts of its own.
pub(crate) fn svg(results: &[Results]) -> String {
    let mut shapes = String::new();
    let mut y = 24.0;
    let scale = (WIDTH - NAMES - 70.0) / LONGEST;
    // Reloads are ours alone.
    for Results { scenario, proxies } in results.iter().filter(|results| results.scenario != Scenario::Reload)
    {
        let _ = writeln!(
            shapes,
            "<text x=\"8\" y=\"{y}\" class=\"head\">{}: {}</text>",
            scenario.name(),
            scenario.unit()
        );
        y += 8.0;
        for line in lines(proxies) {
            let width = line.ratio.clamp(0.0, LONGEST) * scale;
            let (class, text) = (if line.proxy == OURS { "ours" } else { "peer" }, y + BAR - 4.0);
            let _ = writeln!(
                shapes,
                "<text x=\"16\" y=\"{text}\">{}</text><rect x=\"{NAMES}\" y=\"{y}\" width=\"{width:.1}\" \
                 height=\"{}\" class=\"{class}\"/><text x=\"{:.1}\" y=\"{text}\">{:.2} ({:.1})</text>",
                line.proxy,
                BAR - 3.0,
                NAMES + width + 6.0,
                line.ratio,
                line.cost,
            );
            y += BAR;
        }
        y += 26.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\">\n\
         <style>text{{font:12px sans-serif;fill:#444}}.head{{font-weight:bold}}.ours{{fill:#c2410c}}\
         .peer{{fill:#94a3b8}}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{shapes}</svg>\n"
    )
}

//! The load of each scenario: wrk or h2load on core 1, and what they say.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::ValueEnum;

use super::process::{LOAD, pinned};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// GET, 13 bytes, 64 keep-alive connections, 10 header fields as browsers send them.
    Small,
    /// The same with 10 KiB.
    #[value(name = "10k")]
    Ten,
    /// 1 MiB, 16 connections.
    #[value(name = "1m")]
    Mega,
    /// 10 KiB in five chunks.
    Chunked,
    /// POST of 4 KiB.
    Post,
    /// One connection: what a request costs where nothing is shared.
    One,
    /// A new connection for each request.
    Close,
    /// As `small`, over 1,000 routes in turn.
    Routes,
    /// HTTP/2 by prior knowledge, 8 connections of 8 streams, HTTP/1.1 behind.
    H2c,
    /// As `small`, over TLS.
    Tls,
    /// 6,000 requests a second, whatever comes back: the latency of a proxy that is not full.
    Rate,
    /// Memory of 5,000 keep-alive connections that served a request each.
    Idle,
}

/// How many routes there are in [`Scenario::Routes`].
pub(crate) const ROUTES: usize = 1000;
/// How many connections there are in [`Scenario::Idle`].
pub(crate) const IDLE: usize = 5000;

const FIELDS: [&str; 10] = [
    "Host: bench.example",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.9",
    "Accept-Encoding: gzip, deflate, br",
    "Cookie: session=5b6f1d3c7a9e4f20b8d1c6e7a2f39440; theme=dark; consent=all.2026-11-01",
    "Referer: https://bench.example/index.html",
    "Cache-Control: no-cache",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: same-origin",
];

/// What a load generator counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    pub(crate) answers: f64,
    pub(crate) failed: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Scenario {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How many routes the proxies are to have; none means one that takes everything.
    pub(crate) fn routes(self) -> usize {
        if self == Self::Routes { ROUTES } else { 0 }
    }

    pub(crate) fn is_tls(self) -> bool {
        self == Self::Tls
    }

    fn path(self) -> &'static str {
        match self {
            Self::Ten => "/10k",
            Self::Mega => "/1m",
            Self::Chunked => "/chunked",
            _ => "/small",
        }
    }

    /// Runs the load against `port` for `seconds`.
    ///
    /// # Errors
    /// When the generator cannot be started or says something else than it used to.
    pub(crate) fn load(self, port: u16, seconds: u32, folder: &Path) -> anyhow::Result<Counted> {
        let scheme = if self.is_tls() { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{port}{}", self.path());
        let mut command = pinned(LOAD);
        command.stdin(Stdio::null());
        match self {
            Self::H2c | Self::Rate => {
                command.arg("h2load").arg(format!("--duration={seconds}"));
                match self {
                    Self::H2c => command.args(["--clients=8", "--max-concurrent-streams=8"]),
                    // Each client sends 100 requests a second.
                    _ => command.args(["--h1", "--clients=60", "--rps=100"]),
                };
                fields(&mut command, &FIELDS[1..]).arg(url);
                h2load(&output(&mut command)?)
            }
            _ => {
                let connections = match self {
                    Self::One => "1",
                    Self::Mega => "16",
                    _ => "64",
                };
                let duration = format!("{seconds}s");
                command.args(["wrk", "--latency", "-t1", "-c", connections, "-d", &duration]);
                if self == Self::Close {
                    command.args(["-H", "Connection: close"]);
                }
                if let Some(script) = self.script() {
                    let file = folder.join(format!("{}.lua", self.name()));
                    std::fs::write(&file, script)?;
                    command.arg("-s").arg(file);
                }
                fields(&mut command, &FIELDS).arg(url);
                wrk(&output(&mut command)?)
            }
        }
    }

    fn script(self) -> Option<String> {
        match self {
            Self::Post => Some(
                "wrk.method = 'POST'\nwrk.body = string.rep('x', 4096)\n\
                 wrk.headers['Content-Type'] = 'application/octet-stream'\n"
                    .to_owned(),
            ),
            Self::Routes => Some(format!(
                "local n = 0\nfunction request()\n  n = (n + 1) % {ROUTES}\n  \
                 return wrk.format(nil, string.format('/r%04d/x', n))\nend\n"
            )),
            _ => None,
        }
    }
}

fn fields<'a>(command: &'a mut Command, fields: &[&str]) -> &'a mut Command {
    for field in fields {
        command.args(["-H", field]);
    }
    command
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("cannot start the load generator")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(
        output.status.success(),
        "the load generator ended with {}: {errors}{text}",
        output.status
    );
    Ok(text)
}

fn wrk(text: &str) -> anyhow::Result<Counted> {
    let mut counted = Counted::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["50%", time] => counted.p50 = microseconds(time)?,
            ["99%", time] => counted.p99 = microseconds(time)?,
            [answers, "requests", "in", ..] => counted.answers = answers.parse()?,
            ["Non-2xx", "or", "3xx", "responses:", failed] => counted.failed += failed.parse::<f64>()?,
            ["Socket", "errors:", rest @ ..] => {
                let numbers = rest.iter().filter_map(|word| word.trim_end_matches(',').parse::<f64>().ok());
                counted.failed += numbers.sum::<f64>();
            }
            _ => {}
        }
    }
    anyhow::ensure!(counted.answers > 0.0, "wrk says nothing of requests:\n{text}");
    Ok(counted)
}

/// The times of h2load have no quantiles in all versions: the mean stands for the median, the longest for the rest.
fn h2load(text: &str) -> anyhow::Result<Counted> {
    let mut counted = Counted::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [
                "requests:",
                _,
                "total,",
                _,
                "started,",
                _,
                "done,",
                answers,
                "succeeded,",
                failed,
                "failed,",
                ..,
            ] => {
                counted.answers = answers.parse()?;
                counted.failed = failed.parse()?;
            }
            ["time", "for", "request:", _, longest, mean, ..] => {
                (counted.p50, counted.p99) = (microseconds(mean)?, microseconds(longest)?);
            }
            _ => {}
        }
    }
    anyhow::ensure!(counted.answers > 0.0, "h2load says nothing of requests:\n{text}");
    Ok(counted)
}

/// `1.25ms`, `830us`, `2s`.
fn microseconds(text: &str) -> anyhow::Result<f64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_alphabetic());
    let unit = match &text[digits.len()..] {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        _ => anyhow::bail!("{text} is no time"),
    };
    Ok(digits.parse::<f64>()? * unit)
}

#[cfg(test)]
mod tests {
    use super::{Counted, h2load, wrk};

    #[test]
    fn the_words_of_wrk() {
        let text = "  Latency Distribution\n     50%    1.16ms\n     75%    1.2ms\n     99%  830.00us\n  \
                    105862 requests in 2.00s, 30.00MB read\n  Socket errors: connect 0, read 1, write 0, timeout 2\n  \
                    Non-2xx or 3xx responses: 4\nRequests/sec:  52931.00\n";
        let expect = Counted { answers: 105_862.0, failed: 7.0, p50: 1160.0, p99: 830.0 };
        assert_eq!(wrk(text).unwrap(), expect);
        assert!(wrk("unable to connect").is_err());
    }

    #[test]
    fn the_words_of_h2load() {
        let text = "requests: 9 total, 9 started, 9 done, 8 succeeded, 1 failed, 0 errored, 0 timeout\n\
                    time for request:      100us      2.50ms       400us        10us    90.00%\n";
        let expect = Counted { answers: 8.0, failed: 1.0, p50: 400.0, p99: 2500.0 };
        assert_eq!(h2load(text).unwrap(), expect);
    }
}

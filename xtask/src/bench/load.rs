//! The load of each scenario on core 1: wrk, h2load, or the paced one, and what they say.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::origin::grpc::MESSAGE;
use super::process::{LOAD, pinned};
use super::routes;
use super::scenario::Scenario;

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

/// A script for wrk whose requests are alike and never the same, as those of most clients are: one repeats itself after
/// the 4,096th.
const VARIED: &str = "local requests, n = {}, 0\nfunction init()\n  for i = 1, 4096 do\n    \
    wrk.headers['Traceparent'] = string.format('00-%032x-%016x-01', i, i)\n    \
    wrk.headers['Cookie'] = string.format('session=%032x; theme=dark; consent=all.2026-11-01', i)\n    \
    requests[i] = wrk.format(nil, '/small/' .. i)\n  end\nend\n\
    function request()\n  n = n % #requests + 1\n  return requests[n]\nend\n";

/// What a load generator counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) answers: f64,
    pub(crate) failed: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// One run of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) scenario: Scenario,
    pub(crate) port: u16,
    pub(crate) seconds: u32,
    /// Requests a second, where they are paced.
    pub(crate) rate: u32,
    /// Where its files go.
    pub(crate) folder: &'a Path,
}

impl Load<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// When the generator cannot be started or says something else than it used to.
    pub(crate) fn run(&self) -> anyhow::Result<Counted> {
        match self.scenario {
            Scenario::Rate | Scenario::Reload => self.paced(),
            Scenario::H2c | Scenario::Grpc => self.streams(),
            Scenario::Handshake => self.handshakes(),
            _ => self.wrk(),
        }
    }

    fn url(&self) -> String {
        let scheme = if self.scenario.is_tls() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}{}", self.port, self.scenario.path())
    }

    fn wrk(&self) -> anyhow::Result<Counted> {
        let connections = match self.scenario {
            Scenario::One => "1",
            Scenario::Mega => "16",
            _ => "64",
        };
        let duration = format!("{}s", self.seconds);
        let mut command = pinned(LOAD);
        command.args(["wrk", "--latency", "-t1", "-c", connections, "-d", &duration]);
        if self.scenario == Scenario::Close {
            command.args(["-H", "Connection: close"]);
        }
        if let Some(script) = self.script() {
            let file = self.folder.join(format!("{}.lua", self.scenario.name()));
            std::fs::write(&file, script)?;
            command.arg("-s").arg(file);
        }
        wrk(&output(fields(&mut command, &FIELDS).arg(self.url()))?)
    }

    fn script(&self) -> Option<String> {
        match self.scenario {
            Scenario::Post => Some(
                "wrk.method = 'POST'\nwrk.body = string.rep('x', 4096)\n\
                 wrk.headers['Content-Type'] = 'application/octet-stream'\n"
                    .to_owned(),
            ),
            Scenario::Varied => Some(VARIED.to_owned()),
            Scenario::Routes | Scenario::TenRoutes => {
                Some(routes::script(&routes::mixed(self.scenario.routes())))
            }
            _ => None,
        }
    }

    /// HTTP/2: h2load, whose log has the time of each request.
    fn streams(&self) -> anyhow::Result<Counted> {
        // Apart from the configuration, whose directory the gateway watches: h2load writes for each request.
        let folder = self.folder.join("h2load");
        std::fs::create_dir_all(&folder)?;
        let log = folder.join("log");
        let mut command = pinned(LOAD);
        command.arg("h2load").arg(format!("--duration={}", self.seconds)).arg("--log-file").arg(&log);
        command.args(["--clients=8", "--max-concurrent-streams=8"]);
        if self.scenario == Scenario::Grpc {
            let message = folder.join("message");
            std::fs::write(&message, MESSAGE)?;
            command.arg("-d").arg(message);
            fields(
                &mut command,
                &["Content-Type: application/grpc", "TE: trailers", "User-Agent: grpc-go/1.77.0"],
            );
        } else {
            fields(&mut command, &FIELDS[1..]);
        }
        let _ = std::fs::remove_file(&log);
        let counted = h2load(&output(command.arg(self.url()))?)?;
        let (p50, p99) = quantiles(log_times(&std::fs::read_to_string(log)?));
        Ok(Counted { p50, p99, ..counted })
    }

    /// 64 clients of one request each, again and again: wrk resumes the sessions of its connections, h2load never does.
    fn handshakes(&self) -> anyhow::Result<Counted> {
        let end = Instant::now() + Duration::from_secs(self.seconds.into());
        let mut sum = Counted::default();
        while Instant::now() < end {
            let mut command = pinned(LOAD);
            command.args(["h2load", "--h1", "--clients=64", "--requests=64"]);
            let counted = h2load(&output(fields(&mut command, &FIELDS[1..]).arg(self.url()))?)?;
            sum.answers += counted.answers;
            sum.failed += counted.failed;
        }
        Ok(sum)
    }

    fn paced(&self) -> anyhow::Result<Counted> {
        let mut command = pinned(LOAD);
        command.arg(std::env::current_exe()?).arg("bench-load");
        command.args([self.port.to_string(), self.rate.to_string(), self.seconds.to_string()]);
        Ok(serde_json::from_str(&output(&mut command)?)?)
    }
}

/// The median and the 99th percentile.
pub(crate) fn quantiles(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or(f64::NAN);
    (at(50), at(99))
}

/// The fields of a request as the bytes of a head.
pub(crate) fn head() -> String {
    format!("GET /small HTTP/1.1\r\n{}\r\n\r\n", FIELDS.join("\r\n"))
}

fn fields<'a>(command: &'a mut Command, fields: &[&str]) -> &'a mut Command {
    for field in fields {
        command.args(["-H", field]);
    }
    command
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().context("cannot start the load generator")?;
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

fn h2load(text: &str) -> anyhow::Result<Counted> {
    let line = text.lines().find(|line| line.starts_with("requests: ")).unwrap_or_default();
    let count = |word: &str| {
        let (before, _) = line.split_once(word)?;
        before.split_whitespace().next_back()?.parse::<f64>().ok()
    };
    let (Some(answers), Some(failed)) = (count("succeeded"), count("failed")) else {
        anyhow::bail!("h2load says nothing of requests:\n{text}");
    };
    anyhow::ensure!(answers > 0.0, "no request succeeded:\n{text}");
    Ok(Counted { answers, failed, ..Counted::default() })
}

/// The times of the requests in a log of h2load: start, status, microseconds.
fn log_times(text: &str) -> Vec<f64> {
    text.lines().filter_map(|line| line.rsplit('\t').next()?.parse().ok()).collect()
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
    use super::{Counted, h2load, log_times, quantiles, wrk};

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
        let text = "requests: 9 total, 9 started, 9 done, 8 succeeded, 1 failed, 0 errored, 0 timeout\n";
        assert_eq!(h2load(text).unwrap(), Counted { answers: 8.0, failed: 1.0, ..Counted::default() });
        assert!(h2load("no requests\n").is_err());
        assert_eq!(log_times("1795294584466638\t200\t22553\n1795294584466639\t200\t95\n"), [22553.0, 95.0]);
    }

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let (p50, p99) = quantiles((0..200).rev().map(f64::from).collect());
        assert_eq!((p50, p99), (100.0, 198.0));
    }
}

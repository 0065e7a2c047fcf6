//! The gateway's own log: `tracing` to standard error, text on a terminal, JSON else, filtered by `RUST_LOG`.

use std::env::{self, VarError};
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::exit::{self, Failure};

const VARIABLE: &str = "RUST_LOG";

/// How the names of what logs here begin, for the gateway's crates and the libraries below it.
const TARGETS: [&str; 11] =
    ["gateway", "gw", "h2", "http", "hyper", "mio", "notify", "reqwest", "rustls", "tokio", "tower"];

/// Starts it. `debug` lowers the default level from info.
pub(crate) fn start(debug: bool) -> Result<(), Failure> {
    let directives = match env::var(VARIABLE) {
        Ok(directives) => directives,
        Err(VarError::NotPresent) => String::new(),
        Err(VarError::NotUnicode(_)) => {
            return Err(Failure::usage(format!("{VARIABLE}: its value is not UTF-8")));
        }
    };
    for name in directives.split(',').map(str::trim).filter(|directive| is_doubtful(directive)) {
        exit::complain(&format!(
            "gateway: {VARIABLE}: `{name}` is no level, and as a target it is none of the gateway's; \
             levels: off, error, warn, info, debug, trace"
        ));
    }
    let level = if debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let filter = EnvFilter::builder().with_default_directive(level.into()).parse_lossy(directives);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A test that wires several gateways in one process has its log already.
    let _ = if std::io::stderr().is_terminal() {
        log.try_init()
    } else {
        log.json().flatten_event(true).try_init()
    };
    Ok(())
}

/// Whether a directive is likely to be a level that was misspelt: a filter takes it for a target, and the log is empty.
fn is_doubtful(directive: &str) -> bool {
    let known = || TARGETS.iter().any(|target| directive.starts_with(target));
    !directive.is_empty()
        && !directive.contains(['=', '['])
        && directive.parse::<LevelFilter>().is_err()
        && !known()
}

#[cfg(test)]
mod tests {
    use super::is_doubtful;

    #[test]
    fn a_level_that_is_none_is_noticed() {
        let doubtful = |directives: &str| directives.split(',').filter(|one| is_doubtful(one)).count();
        assert_eq!(doubtful("warm"), 1);
        assert_eq!(doubtful("inof,gw=debug"), 1);
        assert_eq!(doubtful("INFO,gw_proxy,hyper::proto,mine=trace,[request],3,"), 0);
    }
}

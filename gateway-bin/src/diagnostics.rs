//! The gateway's own log: `tracing` to standard error, text on a terminal, JSON else, filtered by `RUST_LOG`.

use std::env::{self, VarError};
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::exit::{self, Failure};

const VARIABLE: &str = "RUST_LOG";

/// Starts it. `debug` lowers the default level from info.
pub(crate) fn start(debug: bool) -> Result<(), Failure> {
    let directives = match env::var(VARIABLE) {
        Ok(directives) => directives,
        Err(VarError::NotPresent) => String::new(),
        Err(VarError::NotUnicode(_)) => {
            return Err(Failure::usage(format!("{VARIABLE}: its value is not UTF-8")));
        }
    };
    for complaint in gw_config::doubtful_log_directives(&directives) {
        exit::complain(&format!("gateway: {VARIABLE}: {complaint}"));
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

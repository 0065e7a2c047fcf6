//! The command line: our commands, and the flags of the original with one dash or two.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand};
use gw_config::{FeatureGates, Format};
use gw_server::{AddressError, ListenAddress};

/// An API gateway that explains itself.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const AFTER_HELP: &str = "\
Flags may be written with one dash, as the Go gateway's: `gateway -conf config.yaml -addr :8080`.
Signals: HUP reloads, USR2 hands over to a new process, TERM drains and stops, INT stops; a second one ends at once.
Exit codes: 0 ok, 1 failure, 2 usage, 78 invalid configuration.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves a configuration (the default command).
    Run(RunArgs),
    /// Serves an embedded demo: needs no file and no server.
    Dev(DevArgs),
    /// Checks configuration files and prints everything that is wrong with them.
    Validate(ValidateArgs),
    /// Prints the version.
    Version,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RunArgs {
    /// Address to listen on instead of the configured ones; repeatable. `:8080` is IPv4 and IPv6.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) addr: Vec<String>,
    /// Configuration file. Default: config.yaml, else config.toml, else /etc/gateway/gateway.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) conf: Option<PathBuf>,
    /// Directory of priority files: endpoints that go before those of the configuration file.
    #[arg(long = "conf.priority", value_name = "DIR")]
    pub(crate) conf_priority: Option<PathBuf>,
    /// Base URLs of a control service, separated by commas: it sends the configuration file and the priority files.
    #[arg(long = "ctrl.service", value_name = "URL,…", default_value = "", hide_default_value = true)]
    pub(crate) ctrl_service: String,
    /// The gateway's name at the control service. Default: the variable ADVERTISE_NAME.
    #[arg(long = "ctrl.name", value_name = "NAME")]
    pub(crate) ctrl_name: Option<String>,
    /// Switches: `gw:Retry` (trying again), `gw:PriorityConfig` (the priority files). All are on.
    #[arg(long, value_name = "NAME=BOOL,…", default_value = "", hide_default_value = true, value_parser = FeatureGates::parse)]
    pub(crate) feature_gates: FeatureGates,
    /// Serves /debug on the data port too, and logs at debug level.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          action = clap::ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) debug: bool,
    /// Admin address instead of the configured one; empty switches it off.
    #[arg(long, value_name = "HOST:PORT", value_parser = address_or_none)]
    pub(crate) admin: Option<String>,
    /// Worker threads. Default: the cores within the cgroup's quota.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// How long connections are still taken after TERM, not ready.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) drain_delay: std::time::Duration,
    /// How long requests in flight may take to end after that.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) grace: std::time::Duration,
    #[command(flatten)]
    pub(crate) discovery: DiscoveryArgs,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DiscoveryArgs {
    /// Discovery instead of the configured one, as `consul://127.0.0.1:8500?token=secret&datacenter=prod`.
    #[arg(long = "discovery.dsn", value_name = "DSN")]
    pub(crate) dsn: Option<String>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DevArgs {
    /// Address of the demo gateway.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) addr: String,
    /// Address of its admin port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9901", value_parser = address_or_none)]
    pub(crate) admin: String,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ValidateArgs {
    /// Directory of priority files to check with each.
    #[arg(long, visible_alias = "conf.priority", value_name = "DIR")]
    pub(crate) priority: Option<PathBuf>,
    /// Files to check; each by itself.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) discovery: DiscoveryArgs,
}

/// An address as written, which is how documents have it too.
fn address(text: &str) -> Result<String, AddressError> {
    text.parse::<ListenAddress>().map(|_| text.to_owned())
}

fn address_or_none(text: &str) -> Result<String, AddressError> {
    if text.is_empty() { Ok(String::new()) } else { address(text) }
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    gw_value::duration::parse(text).map_err(|error| error.to_string())
}

/// Parses the command line. Go's flags take one dash or two, clap's long ones two.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(args.into_iter().map(two_dashes)).map_err(with_tip)
}

/// Tells who names a file without its flag.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let given = |kind| match error.get(kind) {
        Some(ContextValue::String(given)) => Some(given.clone()),
        _ => None,
    };
    let given = given(ContextKind::InvalidSubcommand).or_else(|| given(ContextKind::InvalidArg));
    if let Some(file) = given.filter(|given| Format::of(Path::new(given)).is_some()) {
        let tip = format!("to serve a file, name it with its flag: `-conf {file}`");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

fn two_dashes(arg: OsString) -> OsString {
    let Some(text) = arg.to_str() else { return arg };
    let mut letters = text.chars();
    let single = letters.next() == Some('-')
        && letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.next().is_some();
    if single { format!("-{text}").into() } else { arg }
}

#[cfg(test)]
mod tests;

//! The command line: our commands, and the flags of the original with one dash or two.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use gw_config::FeatureGates;

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
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) addr: Vec<String>,
    /// Configuration file. Default: config.yaml, else config.toml, else /etc/gateway/gateway.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) conf: Option<PathBuf>,
    /// Directory of priority files: endpoints that go before those of the configuration file.
    #[arg(long = "conf.priority", value_name = "DIR")]
    pub(crate) conf_priority: Option<PathBuf>,
    /// Switches: `gw:Retry` (trying again), `gw:PriorityConfig` (the priority files). All are on.
    #[arg(long, value_name = "NAME=BOOL,…", default_value = "", hide_default_value = true, value_parser = FeatureGates::parse)]
    pub(crate) feature_gates: FeatureGates,
    /// Serves /debug on the data port too, and logs at debug level.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          action = clap::ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) debug: bool,
    /// Admin address instead of the configured one; empty switches it off.
    #[arg(long, value_name = "HOST:PORT")]
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
    #[command(flatten)]
    later: Later,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DiscoveryArgs {
    /// Discovery instead of the configured one, as `consul://127.0.0.1:8500?token=secret&datacenter=prod`.
    #[arg(long = "discovery.dsn", value_name = "DSN")]
    pub(crate) dsn: Option<String>,
}

/// Flags of the original whose feature is not part of this version: refused by name, never ignored.
#[derive(Clone, Debug, Default, Args)]
struct Later {
    #[arg(long = "ctrl.name", hide = true)]
    ctrl_name: Option<String>,
    #[arg(long = "ctrl.service", hide = true)]
    ctrl_service: Option<String>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DevArgs {
    /// Address of the demo gateway.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: String,
    /// Address of its admin port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9901")]
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

impl RunArgs {
    /// The first flag that this version does not serve, if one was given.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        let later = &self.later;
        let flags = [("-ctrl.name", &later.ctrl_name), ("-ctrl.service", &later.ctrl_service)];
        flags
            .into_iter()
            .find(|(_, value)| value.as_deref().is_some_and(|value| !value.is_empty()))
            .map(|(flag, _)| flag)
    }
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    gw_value::duration::parse(text).map_err(|error| error.to_string())
}

/// Parses the command line. Go's flags take one dash or two, clap's long ones two.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(args.into_iter().map(two_dashes))
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
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        parse(std::iter::once("gateway").chain(line.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn gos_flags_take_one_dash_or_two_and_an_equals_sign_or_none() {
        for line in
            ["-addr :1 -addr=:2 -conf c.yaml -debug", "run --addr=:1 --addr :2 --conf=c.yaml --debug=true"]
        {
            let cli = parsed(line).unwrap();
            let run = match cli.command {
                Some(Command::Run(run)) => run,
                _ => cli.run,
            };
            assert_eq!(
                (run.addr.as_slice(), run.debug),
                (&[":1".to_owned(), ":2".to_owned()][..], true),
                "{line}"
            );
            assert_eq!(run.conf, Some(PathBuf::from("c.yaml")));
        }
        assert!(!parsed("-debug=false").unwrap().run.debug);
    }

    #[test]
    fn flags_of_later_versions_are_refused_by_name() {
        for (line, flag) in [("--ctrl.name x", "-ctrl.name"), ("-ctrl.service x", "-ctrl.service")] {
            assert_eq!(parsed(line).unwrap().run.refused(), Some(flag));
        }
        assert_eq!(parsed("-conf x").unwrap().run.refused(), None);
    }

    #[test]
    fn usage_errors_are_found() {
        for line in
            ["-nonsense", "validate", "fly", "-workers 0", "-grace soon", "-feature-gates gw:Retyr=false"]
        {
            assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}

//! The discovery that the command line, the environment or the document asks for.

use std::sync::Arc;

use gw_config::{Diagnostic, v1};
use gw_core::Clock;
use gw_discovery::{Discovery, Guard, GuardOptions};

use crate::args::DiscoveryArgs;
use crate::exit::Failure;
use gw_config::Environment;

/// Puts the flag in place of the document's `discovery.dsn`; empty, as by default in the original, it is none.
///
/// # Errors
/// When the flag's value cannot be used.
pub(crate) fn replace(args: &DiscoveryArgs, environment: &mut Environment) -> Result<(), Failure> {
    let Some(dsn) = args.dsn.as_ref().filter(|dsn| !dsn.is_empty()) else { return Ok(()) };
    gw_discovery::from_dsn(dsn, &|name| environment.discovery(name))
        .map_err(|error| Failure::usage(format!("-discovery.dsn: {:#}", anyhow::Error::from(error))))?;
    environment.overrides.push((vec!["discovery".to_owned(), "dsn".to_owned()], dsn.clone()));
    Ok(())
}

/// Makes the discovery; it opens nothing. None if there is none.
///
/// # Errors
/// What is wrong with it, at its place.
pub(crate) fn make(
    config: &v1::Discovery,
    environment: &Environment,
    clock: &Clock,
) -> Result<Option<Arc<dyn Discovery>>, Diagnostic> {
    if config.dsn.is_empty() {
        return Ok(None);
    }
    let source =
        gw_discovery::from_dsn(&config.dsn, &|name| environment.discovery(name)).map_err(|error| {
            let message = format!("the discovery cannot be used: {:#}", anyhow::Error::from(error));
            Diagnostic::error("GW0311", message, config.dsn.span())
        })?;
    let v1::Guard { max_drop_ratio, min_instances, hold, confirm_timeout } = *config.guard;
    let options = GuardOptions { max_drop_ratio, min_instances, hold, confirm_timeout };
    Ok(Some(Arc::new(Guard::new(source, options, clock.clone()))))
}

#[cfg(test)]
mod tests;

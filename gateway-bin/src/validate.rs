//! `gateway validate`: checks files and opens nothing.

use std::path::Path;

use gw_core::Clock;
use gw_middleware::Registry;
use gw_proxy::Compiler;

use crate::args::ValidateArgs;
use crate::environment::Environment;
use crate::exit::{self, Exit, Failure};
use crate::reload;

/// Checks each file; one that is wrong does not keep the others from being checked.
pub(crate) fn run(args: &ValidateArgs, environment: &Environment, registry: Registry) -> Result<Exit, Failure> {
    let compiler = Compiler { registry, strict_slash: environment.strict_slash, clock: Clock::system() };
    let mut exit = Exit::Ok;
    for file in &args.files {
        if !check(file, &compiler, environment)? {
            exit = Exit::Config;
        }
    }
    Ok(exit)
}

fn check(file: &Path, compiler: &Compiler, environment: &Environment) -> Result<bool, Failure> {
    let loaded = gw_config::load(file, &environment.overrides);
    match loaded.and_then(|loaded| reload::check(compiler, environment, &[], loaded)) {
        Ok(checked) => {
            for warning in checked.compiled.warnings() {
                exit::complain(&checked.compiled.render(warning));
            }
            exit::say(&format!("{}: ok, {} endpoints", file.display(), checked.compiled.len()))?;
            Ok(true)
        }
        Err(diagnostics) => {
            exit::complain(&exit::render(&diagnostics));
            Ok(false)
        }
    }
}

//! `gateway validate`: checks files and opens nothing.

use std::path::Path;
use std::sync::Arc;

use gw_config::{Diagnostics, FeatureGates, FileLoader};
use gw_core::Clock;
use gw_middleware::{Registry, Surroundings};
use gw_proxy::Compiler;

use crate::args::ValidateArgs;
use crate::exit::{self, Exit, Failure};
use crate::{discovery, reload};
use gw_config::Environment;

/// Checks each file; one that is wrong does not keep the others from being checked.
pub(crate) fn run(
    args: &ValidateArgs,
    mut environment: Environment,
    registry: Registry,
) -> Result<Exit, Failure> {
    discovery::replace(&args.discovery, &mut environment)?;
    let surroundings = Surroundings::alone(Clock::system());
    let gates = FeatureGates::default();
    let compiler = Compiler { registry, strict_slash: environment.strict_slash, surroundings, gates };
    let mut exit = Exit::Ok;
    for file in &args.files {
        if !check(file, args.priority.as_deref(), &compiler, &environment)? {
            exit = Exit::Config;
        }
    }
    Ok(exit)
}

fn check(
    file: &Path,
    priority: Option<&Path>,
    compiler: &Compiler,
    environment: &Environment,
) -> Result<bool, Failure> {
    let mut loader = FileLoader::new(file).with_overrides(environment.overrides.clone());
    if let Some(directory) = priority {
        loader = loader.with_priority(directory, compiler.gates.clone());
    }
    match reload::check(compiler, environment, &[], loader.load()) {
        Ok(checked) => {
            let compiled = &checked.compiled;
            if !compiled.warnings().is_empty() {
                let warnings =
                    Diagnostics::new(Arc::clone(compiled.document()), compiled.warnings().to_vec());
                exit::complain(&exit::render(&warnings));
            }
            let plural = if compiled.len() == 1 { "" } else { "s" };
            exit::say(&format!("{}: ok, {} endpoint{plural}", file.display(), compiled.len()))?;
            Ok(true)
        }
        Err(diagnostics) => {
            exit::complain(&exit::render(&diagnostics));
            Ok(false)
        }
    }
}

//! `gateway dev`: a gateway before its own upstreams, all in this process.

use std::time::Duration;

use anyhow::Context;
use gw_config::{Document, FeatureGates, Format};
use gw_middleware::Registry;
use gw_telemetry::LogFormat;

use crate::app::Settings;
use crate::args::DevArgs;
use crate::exit::{self, Exit, Failure};
use crate::life::{self, Gateway};
use crate::stop::Signals;
use crate::{demo, diagnostics};
use gw_config::Environment;

/// How long requests in flight may take when the demo ends.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the demo until a signal ends it.
pub(crate) fn run(args: &DevArgs, environment: Environment, registry: Registry) -> Result<Exit, Failure> {
    diagnostics::start(false)?;
    life::control()?.block_on(async {
        let signals = Signals::listen().context("signals")?;
        let upstreams = demo::start().await.context("the demo's upstreams")?;
        let document = Document::new("demo.toml", Format::Toml, demo::config(&upstreams));
        let loaded = gw_config::parse(document)?;
        let settings = Settings {
            workers: None,
            addresses: vec![args.addr.clone()],
            debug: false,
            registry,
            loader: None,
            environment,
            gates: FeatureGates::default(),
            control: None,
            log_format: LogFormat::Text,
            inherited: Default::default(),
        };
        let gateway = Gateway::start(settings, loaded, Some(&args.admin)).await?;
        if let Some(listener) = gateway.bound.first() {
            exit::say(&format!("\ngateway  http://{}", listener.address))?;
            if let Some(admin) = gateway.admin_address {
                exit::say(&format!("admin    http://{admin}"))?;
            }
            exit::say("\nTry, line by line (Ctrl-C ends the demo):\n")?;
            for example in demo::examples(listener.address) {
                exit::say(&format!("# {}\n{}\n", example.shows, example.line))?;
            }
        }
        gateway.serve(signals, None, None, Duration::ZERO, GRACE).await
    })
}

//! The control service: a server that has the configuration of many gateways, asked by each.
//!
//! A release is written over the configuration file and the priority files, from where [`FileLoader`](crate::FileLoader)
//! takes it: the files are the last good copy, which serves while the service is away. It is written only after all of it
//! was found to be good, each file whole, and never over or in the place of a file that is not the service's.
//!
//! Differs from kratos (B17): requests end, failures are retried ever more slowly, all versions of priority items are sent,
//! their keys cannot leave the directory, and the operator's own files are not deleted.

mod client;
mod debug;
mod identity;
mod pace;
mod release;
mod service;
mod state;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use crate::{Diagnostics, FeatureGates, Format, Loaded, Override};

pub use client::ControlClient;
pub use debug::ControlDebug;
pub(crate) use identity::first_ipv4;

/// Looks for what only lowering finds in what was read.
pub type Check = Arc<dyn Fn(Result<Loaded, Diagnostics>) -> Result<(), Diagnostics> + Send + Sync>;

/// What a control service is asked for, and where its answers go.
#[derive(Clone, Debug)]
pub struct ControlOptions {
    /// Base URLs of the service, separated by commas. They are asked in turn after failures.
    pub services: String,
    /// The gateway's name, which the service knows. May be empty.
    pub name: String,
    /// The gateway's address, as others know it. May be empty.
    pub address: String,
    /// The configuration file: `.yaml`, `.yml` or `.json`.
    pub file: PathBuf,
    /// The directory of priority files. Without one, no priority items are asked for.
    pub directory: Option<PathBuf>,
    /// What the service may open and close.
    pub gates: FeatureGates,
    /// The overrides with which the file is read.
    pub overrides: Vec<Override>,
}

/// Why a control service cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum ControlSetupError {
    /// There is no URL in the list.
    #[error("-ctrl.service names no URL")]
    NoService,
    /// Not a URL that can be asked.
    #[error("-ctrl.service: `{0}` is no http or https URL")]
    Url(String),
    /// The service sends JSON, which is YAML but not TOML.
    #[error(
        "a control service writes JSON: name the configuration file `.yaml`, `.yml` or `.json`, not `{0}`"
    )]
    Format(String),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[from] reqwest::Error),
    /// The TLS settings cannot be made.
    #[error("the TLS settings cannot be made")]
    Tls(#[from] gw_tls::TlsError),
}

/// Why one load failed. None of it has a credential of the service's URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// No whole answer.
    #[error("{service}: {reason}")]
    Unreachable {
        /// Who was asked.
        service: String,
        /// What happened.
        reason: String,
    },
    /// An answer that is none of those agreed on.
    #[error("{service}: the answer's status is {status}")]
    Status {
        /// Who was asked.
        service: String,
        /// The status.
        status: u16,
    },
    /// An answer that cannot be read.
    #[error("{service}: the answer cannot be read: {source}")]
    Answer {
        /// Who was asked.
        service: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A release that is not taken as it is.
    #[error("release `{version}` is refused: {reason}")]
    Refused {
        /// Its version.
        version: String,
        /// Why.
        reason: String,
    },
    /// A release with a bad configuration.
    #[error("release `{version}` is refused\n{diagnostics}")]
    Config {
        /// Its version.
        version: String,
        /// What is wrong with it.
        diagnostics: Box<Diagnostics>,
    },
    /// A release that cannot be written.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl ControlError {
    /// Whether the service did its part, so that another one would not do better.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Config { .. } | Self::File { .. })
    }
}

/// The format of the file that releases are written to.
fn format_of(file: &std::path::Path) -> Result<Format, ControlSetupError> {
    match Format::of(file) {
        Some(format @ (Format::Yaml | Format::Json)) => Ok(format),
        _ => Err(ControlSetupError::Format(file.display().to_string())),
    }
}

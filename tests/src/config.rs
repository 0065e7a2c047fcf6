//! The configuration of a gateway under test.

use std::net::SocketAddr;

/// The language of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The native dialect.
    Toml,
    /// The dialect of the Go gateway.
    Yaml,
    /// The same.
    Json,
}

impl Format {
    /// The file name extension by which the gateway knows it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }
}

/// An endpoint in TOML: `keys` are further lines of it, and it goes to `backends` alike.
pub fn table(path: &str, keys: &str, backends: &[SocketAddr]) -> String {
    let backends: String =
        backends.iter().map(|address| format!("[[endpoints.backends]]\ntarget = \"{address}\"\n")).collect();
    format!("[[endpoints]]\npath = \"{path}\"\n{keys}\n{backends}\n")
}

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

    /// Puts the admin listener on a free port, unless the text has a word about it.
    pub(crate) fn with_admin(self, text: &str) -> String {
        if text.contains("admin") {
            return text.to_owned();
        }
        match self {
            Self::Toml => format!("admin.address = \"127.0.0.1:0\"\n{text}"),
            Self::Yaml => format!("admin: {{address: \"127.0.0.1:0\"}}\n{text}"),
            Self::Json => text.replacen('{', "{\"admin\": {\"address\": \"127.0.0.1:0\"},", 1),
        }
    }
}

/// An endpoint in TOML: `keys` are further lines of it, and it goes to `backends` alike.
pub fn table(path: &str, keys: &str, backends: &[SocketAddr]) -> String {
    let backends: String =
        backends.iter().map(|address| format!("[[endpoints.backends]]\ntarget = \"{address}\"\n")).collect();
    format!("[[endpoints]]\npath = \"{path}\"\n{keys}\n{backends}\n")
}

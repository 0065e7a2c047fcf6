//! Configuration documents: read, parsed, decoded, checked and watched.
//!
//! TOML, YAML and JSON become one tree of values with places ([`gw_value::Value`]), which one decoder turns into
//! [`v1::Gateway`]. Whatever is wrong is found at once and points at its place: [`Diagnostics`]. What needs routers,
//! middlewares or sockets to be judged is left to `gw-proxy`, which adds its [`Diagnostic`]s with the same document.
//!
//! ```
//! use gw_config::{Document, Format, parse};
//!
//! let text = "[[endpoints]]\npath = '/*'\ntimeout = '1 minute'\nbackends = [{ traget = '127.0.0.1:8000' }]\n";
//! let errors = parse(Document::new("gateway.toml", Format::Toml, text)).unwrap_err();
//! let report = errors.to_string();
//! assert!(report.contains("gateway.toml:3:11") && report.contains("GW0105"), "{report}");
//! assert!(report.contains("gateway.toml:4:15") && report.contains("did you mean `target`?"), "{report}");
//! ```

mod check;
mod codes;
mod control;
mod diagnostic;
mod document;
mod environment;
mod features;
mod front;
mod overrides;
mod parse;
mod priority;
mod redact;
mod source;
pub mod v1;

pub use check::check_nested;
pub use codes::CODES;
pub use control::{Check, ControlClient, ControlDebug, ControlOptions, ControlSetupError};
pub use diagnostic::{Diagnostic, Diagnostics, Style};
pub use document::{Document, Format, MAX_BYTES, Place, Position};
pub use environment::{Environment, HANDOVER, doubtful_log_directives};
pub use features::FeatureGates;
pub use overrides::Override;
pub use parse::{Loaded, load, parse, parse_with};
pub use redact::redacted;
pub use source::{BoxStream, Changed, Embedded, FileLoader, Source};

pub use gw_value::{Dialect, Severity};

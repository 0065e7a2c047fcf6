//! A tree of configuration values that know where they stand, and its serde decoder.
//!
//! The decoder finds **all** errors of a document, each with its place, with plain `#[derive(Deserialize)]` types.
//! This crate knows no file format (front ends build the tree) and no configuration (callers bring the types).
//!
//! ```
//! use gw_value::{decode, Dialect, Key, Kind, Span, Spanned, Value};
//!
//! #[derive(Debug, Default, serde::Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Retry {
//!     attempts: Option<Spanned<u32>>,
//!     #[serde(with = "gw_value::duration")]
//!     per_try_timeout: std::time::Duration,
//! }
//!
//! // attempt = 3
//! // per_try_timeout = "1 minute"
//! let tree = Value::unplaced(Kind::Table(vec![
//!     (Key::new("attempt", Span::new(0, 7)), Value::new(Kind::Integer(3), Span::new(10, 11))),
//!     (Key::new("per_try_timeout", Span::new(12, 27)), Value::new(Kind::from("1 minute"), Span::new(30, 40))),
//! ]));
//! let decoded = decode::<Retry>(&tree, Dialect::Native, false);
//! let found: Vec<_> = decoded.faults.iter().map(|f| (f.code, f.path.as_str(), f.span.start)).collect();
//! assert_eq!(found, [("GW0101", "attempt", 0), ("GW0105", "per_try_timeout", 30)]);
//! assert_eq!(decoded.faults[0].help.as_deref(), Some("did you mean `attempts`?"));
//! ```

mod decode;
mod dialect;
pub mod duration;
mod fault;
mod options;
mod span;
mod spanned;
mod suggest;
mod tree;

pub use decode::{Decoded, MAX_ERRORS, decode};
pub use dialect::Dialect;
pub use fault::{CODES, Fault, Severity};
pub use options::Options;
pub use span::Span;
pub use spanned::Spanned;
pub use suggest::suggest;
pub use tree::{Key, Kind, MAX_DEPTH, Value};

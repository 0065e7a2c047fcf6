//! Host, path and method to a route: pure data, no I/O, no clock.

mod authority;
mod builder;
mod error;
mod explain;
mod host;
mod index;
mod inspect;
mod key;
mod methods;
mod part;
mod pattern;
mod router;
mod spec;
mod syntax;
mod target;
mod template;
mod trie;

pub use builder::Builder;
pub use error::{Field, PatternError};
pub use explain::{Step, Verdict};
pub use inspect::RouteInfo;
pub use router::Router;
pub use spec::{Options, RouteSpec};
pub use target::{Lookup, Target};

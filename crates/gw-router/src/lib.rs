//! Host, path and method to a route: pure data, no I/O, no clock.
#![allow(dead_code, reason = "signatures first")]

mod error;
mod explain;
mod inspect;
mod router;
mod spec;
mod target;

pub use error::{Field, PatternError};
pub use explain::{Step, Verdict};
pub use inspect::RouteInfo;
pub use router::{Builder, Router};
pub use spec::{Options, RouteSpec};
pub use target::{Lookup, Target};

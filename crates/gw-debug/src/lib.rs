//! The admin port: health, metrics, and the pages on which components show themselves.
//!
//! It knows none of what it shows: a component is a [`Debuggable`](gw_core::Debuggable), metrics are a closure, health is a
//! [`Readiness`] that others set. It never changes anything by GET.
//!
//! ```
//! use gw_debug::{Admin, Readiness, Registry, json, page};
//!
//! let registry = Registry::new().with(page("answer", || json(&42)))?;
//! let admin = Admin::new(registry, Readiness::new(), || String::new());
//! # Ok::<(), gw_debug::DuplicateName>(())
//! ```

mod admin;
mod guard;
mod page;
mod readiness;
mod registry;
mod reply;

pub use admin::Admin;
pub use page::{Page, page};
pub use readiness::Readiness;
pub use registry::{DuplicateName, Registry};
pub use reply::json;

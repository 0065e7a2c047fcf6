//! Both neighbours of a gateway, strict ones: what they are sent is HTTP/1.1 by its letter, or they say what is not.
//!
//! Neither uses a library that would mend what it reads: a test that they pass says what was on the wire.

mod caller;
mod origin;
mod wire;

pub use caller::{Given, StrictCaller};
pub use origin::{Reply, Seen, StrictOrigin, Then};
pub use wire::{Fault, Fields, find};

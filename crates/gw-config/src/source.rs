//! Where documents come from, and how changes are heard of.

pub(crate) mod directory;
mod embedded;
mod file;
mod notices;
#[cfg(test)]
mod tests;

use std::pin::Pin;

use futures_core::Stream;

use crate::{Diagnostics, Document};

pub use embedded::Embedded;
pub use file::{Changed, FileLoader};

/// A boxed stream that may move between threads.
pub type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;

/// A place that has documents.
pub trait Source: Send + Sync + 'static {
    /// What is there now, then every change. Each item is the whole set. An error is said once, and means that what
    /// was there before holds on; the stream does not end with it. Dropping the stream ends the watch.
    fn documents(&self) -> BoxStream<'static, Result<Vec<Document>, Diagnostics>>;
}

//! A document that is part of the program: the demo's.

use futures_util::{StreamExt, stream};

use super::{BoxStream, Source};
use crate::{Diagnostics, Document};

/// A source with one document that never changes.
#[derive(Clone, Debug)]
pub struct Embedded(Document);

impl Embedded {
    /// A source of this document.
    pub const fn new(document: Document) -> Self {
        Self(document)
    }
}

impl Source for Embedded {
    fn documents(&self) -> BoxStream<'static, Result<Vec<Document>, Diagnostics>> {
        let once = stream::iter([Ok(vec![self.0.clone()])]);
        once.chain(stream::pending()).boxed()
    }
}

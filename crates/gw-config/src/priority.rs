//! Priority files: endpoints that go before those of the main document.
//!
//! An endpoint whose key (methods, path and hosts) the document has takes that one's place; a new one stands before all
//! of the document's, in the order of the files. Differs from kratos: hosts are part of the key, new endpoints keep
//! their order, and a replacement behind a new endpoint hits the right one.

use std::collections::{BTreeSet, HashMap};

use gw_value::{Kind, Span, Spanned, Value, decode};

use crate::codes::GIVEN_TWICE;
use crate::v1::{self, Endpoint};
use crate::{Diagnostic, Document, check, front};

/// What an endpoint matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// In upper case; none is any.
    methods: BTreeSet<String>,
    /// In lower case; none is any.
    hosts: BTreeSet<String>,
    path: String,
}

/// The endpoints of one priority file.
type File = Vec<Spanned<Endpoint>>;

/// What priority files hold, as far as it could be decoded, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Read {
    files: Vec<File>,
    pub(crate) found: Vec<Diagnostic>,
}

impl Read {
    /// Decodes the files attached to `document`, whose own tree is `main`, but for those complained about already:
    /// they could not be read.
    pub(crate) fn attached(document: &Document, found: &[Diagnostic], main: &Value, strict: bool) -> Self {
        let mut read = Self::default();
        for (start, file) in document.placed() {
            if !found.iter().any(|error| std::ptr::eq(document.locate(error.span).0, file)) {
                read.file(start, file, main, strict);
            }
        }
        read
    }

    fn file(&mut self, start: usize, file: &Document, main: &Value, strict: bool) {
        let mut tree = match front::read(file) {
            Ok(tree) => tree,
            Err(errors) => return self.found.extend(errors.into_iter().map(|error| moved(error, start))),
        };
        shift(&mut tree, start);
        let dialect = file.format().dialect();
        let decoded = decode::<v1::Priority>(&tree, dialect, strict);
        let priority = decoded.value.unwrap_or_default();
        self.found.extend(check::check_priority(&priority, dialect, (main, &tree), &decoded.faults));
        self.found.extend(decoded.faults.into_iter().map(Diagnostic::from));
        self.files.push(priority.endpoints);
    }

    /// Puts the files' endpoints among those of the document, and complains about keys that are given twice.
    pub(crate) fn merge_into(
        self,
        endpoints: &mut Vec<Spanned<Endpoint>>,
        document: &Document,
    ) -> Vec<Diagnostic> {
        let (mut found, mut places, mut given) = (self.found, HashMap::new(), HashMap::new());
        for (index, endpoint) in endpoints.iter().enumerate() {
            places.entry(Key::of(endpoint)).or_insert(Slot::Document(index));
        }
        let mut new = Vec::new();
        for (file, endpoint) in
            self.files.into_iter().enumerate().flat_map(|(n, list)| list.into_iter().map(move |e| (n, e)))
        {
            let key = Key::of(&endpoint);
            if let Some((earlier, first)) = given.insert(key.clone(), (file, place(&endpoint))) {
                found.push(given_twice(&endpoint, earlier == file, first, document));
            }
            match places.get(&key) {
                Some(Slot::Document(index)) => endpoints[*index] = endpoint,
                Some(Slot::New(index)) => new[*index] = endpoint,
                None => {
                    places.insert(key, Slot::New(new.len()));
                    new.push(endpoint);
                }
            }
        }
        endpoints.splice(0..0, new);
        found
    }
}

/// Where the endpoint with a key stands.
enum Slot {
    Document(usize),
    New(usize),
}

impl Key {
    fn of(endpoint: &Endpoint) -> Self {
        let methods =
            endpoint.method.iter().chain(&endpoint.methods).map(|method| method.to_ascii_uppercase());
        let mut methods: BTreeSet<_> = methods.filter(|method| !method.is_empty()).collect();
        if methods.contains("*") {
            methods.clear();
        }
        let hosts = endpoint.host.iter().filter(|host| !host.is_empty()).chain(&endpoint.hosts);
        let hosts = hosts.map(|host| host.to_ascii_lowercase()).collect();
        Self { methods, hosts, path: (*endpoint.path).clone() }
    }
}

/// Where an endpoint's path stands; without one, the endpoint.
fn place(endpoint: &Spanned<Endpoint>) -> Span {
    match endpoint.path.span() {
        none if none.is_none() => endpoint.span(),
        path => path,
    }
}

/// Of two files the later one is served, as in kratos; two in one file are a mistake.
fn given_twice(
    endpoint: &Spanned<Endpoint>,
    same_file: bool,
    first: Span,
    document: &Document,
) -> Diagnostic {
    let first = format!("the first one is {}", document.place(first));
    let span = place(endpoint);
    if same_file {
        let message = "the priority file has two endpoints with this path, methods and hosts";
        return Diagnostic::error(GIVEN_TWICE, message, span).with_help(first);
    }
    let message =
        "an earlier priority file has an endpoint with this path, methods and hosts; this one is served";
    Diagnostic::warning(GIVEN_TWICE, message, span).with_help(first)
}

/// A complaint about an attached document, placed among all; without a place it is about its start.
pub(crate) fn moved(diagnostic: Diagnostic, start: usize) -> Diagnostic {
    let span = match diagnostic.span {
        span if span.is_none() => Span::new(start, start),
        span => Span::new(span.start + start, span.end + start),
    };
    Diagnostic { span, ..diagnostic }
}

/// Moves a tree and all in it.
fn shift(value: &mut Value, by: usize) {
    shift_span(&mut value.span, by);
    match &mut value.kind {
        Kind::Array(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Kind::Table(entries) => {
            for (key, value) in entries {
                shift_span(&mut key.span, by);
                shift(value, by);
            }
        }
        _ => {}
    }
}

fn shift_span(span: &mut Span, by: usize) {
    if !span.is_none() {
        *span = Span::new(span.start + by, span.end + by);
    }
}

#[cfg(test)]
mod tests;

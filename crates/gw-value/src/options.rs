//! The options of one middleware, undecoded: what its factory gets.
//!
//! The factory decodes them into its own type. Warnings gather here, so that no factory has to pass them on.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::{Decoded, Dialect, Fault, Kind, Span, Value, decode};

/// Options that wait for the type that knows them.
///
/// ```
/// #[derive(Default, serde::Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Cors {
///     allow_origins: Vec<gw_value::Spanned<String>>,
/// }
///
/// let written = serde_json::from_str(r#"{"@type": "…Cors", "allowOrigins": ["example.com"]}"#).unwrap();
/// let options = gw_value::Options::new(written, gw_value::Dialect::Go, false);
/// let cors: Cors = options.decode().unwrap();
/// assert_eq!(*cors.allow_origins[0], "example.com");
/// ```
#[derive(Debug, Default)]
pub struct Options {
    value: Option<Value>,
    dialect: Dialect,
    strict: bool,
    path: String,
    span: Span,
    /// Shared with the parts.
    warnings: Arc<Mutex<Vec<Fault>>>,
}

impl Options {
    /// No options: what a factory then decodes is an empty table.
    pub fn none() -> Self {
        Self::default()
    }

    /// Options as a document gives them. `strict` makes an unknown key of the Go dialect an error.
    pub fn new(value: Value, dialect: Dialect, strict: bool) -> Self {
        Self { span: value.span, value: Some(value), dialect, strict, ..Self::default() }
    }

    /// Says where in the document the options stand, `endpoints[3].middlewares[1].options`: faults then have whole
    /// paths. Default empty.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Says where to point if a key is missing and there are no options: at the middleware. Default: the options'
    /// own place, or none.
    #[must_use]
    pub fn with_span(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    /// A value inside these options that somebody else decodes; its warnings are gathered here. `path` is its place
    /// in the options.
    #[must_use]
    pub fn part(&self, path: &str, value: Value) -> Self {
        Self {
            span: value.span,
            value: Some(value),
            path: self.whole_path(path),
            warnings: Arc::clone(&self.warnings),
            ..*self
        }
    }

    /// Decodes the options. Without any, each key has its default; a key that has none is missing. Warnings are kept
    /// for [`warnings`](Self::warnings). What has further rules is for [`lower`](Self::lower).
    ///
    /// # Errors
    /// With every fault found, errors and warnings, in the order of the document.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Vec<Fault>> {
        self.lower(|decoded, _| Some(decoded))
    }

    /// Decodes the options and makes something of them. What `make` finds wrong it adds to the faults, with paths that
    /// begin at the options; it returns nothing only if it added an error. It runs on what is left although decoding
    /// found errors, so that all that is wrong is told at once; what it then says of a place with such an error inside
    /// may follow from that error, and is dropped.
    ///
    /// # Errors
    /// With every fault found, errors and warnings, in the order of the document.
    pub fn lower<T: DeserializeOwned, U>(
        &self,
        make: impl FnOnce(T, &mut Vec<Fault>) -> Option<U>,
    ) -> Result<U, Vec<Fault>> {
        let Decoded { value, mut faults } = self.decoded::<T>();
        let mut found = Vec::new();
        let made = value.and_then(|value| make(value, &mut found));
        let errors: Vec<_> = faults.iter().filter(|fault| fault.is_error()).map(|fault| fault.span).collect();
        found.retain(|fault| !errors.iter().any(|error| fault.span.contains(*error)));
        for fault in found.iter_mut().filter(|fault| !self.is_whole(&fault.path)) {
            fault.path = self.whole_path(&fault.path);
        }
        faults.append(&mut found);
        faults.sort_by_key(|fault| fault.span.start);
        match made {
            Some(made) if !faults.iter().any(Fault::is_error) => {
                self.keep(faults);
                Ok(made)
            }
            _ => Err(faults),
        }
    }

    /// Where the value at a path of keys stands, as far as it is written; else the options' own place. Keys are
    /// spelled as in types.
    pub fn place(&self, path: &[&str]) -> Span {
        let mut place = self.span;
        let mut at = self.value.as_ref();
        for key in path {
            let spelled = self.dialect.spell(key);
            at = at.and_then(|value| value.get(key).or_else(|| value.get(&spelled)));
            place = at.map_or(place, |value| value.span);
        }
        place
    }

    fn decoded<T: DeserializeOwned>(&self) -> Decoded<T> {
        let empty;
        let value = match &self.value {
            Some(value) if !value.is_null() => value,
            _ => {
                empty = Value::new(Kind::Table(Vec::new()), self.span);
                &empty
            }
        };
        let mut decoded = decode::<T>(value, self.dialect, self.strict);
        for fault in &mut decoded.faults {
            fault.path = self.whole_path(&fault.path);
        }
        decoded
    }

    fn keep(&self, warnings: Vec<Fault>) {
        let mut kept = self.warnings.lock();
        for warning in warnings {
            if !kept.contains(&warning) {
                kept.push(warning);
            }
        }
    }

    /// The warnings of all successful decodings so far, each once.
    pub fn warnings(&self) -> Vec<Fault> {
        self.warnings.lock().clone()
    }

    /// The place of the options.
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The path of the options; of what has no place in a document, empty.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The options as written.
    pub const fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    /// The dialect they are written in.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether an unknown key of the Go dialect is an error.
    pub const fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether a path begins at the document, as that of a part does.
    fn is_whole(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.path.as_str());
        !self.path.is_empty() && below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    fn whole_path(&self, path: &str) -> String {
        match (self.path.as_str(), path) {
            ("", path) | (path, "") => path.to_owned(),
            (prefix, path) if path.starts_with('[') => format!("{prefix}{path}"),
            (prefix, path) => format!("{prefix}.{path}"),
        }
    }
}

impl Clone for Options {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            dialect: self.dialect,
            strict: self.strict,
            path: self.path.clone(),
            span: self.span,
            warnings: Arc::new(Mutex::new(self.warnings())),
        }
    }
}

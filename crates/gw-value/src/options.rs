//! The options of one middleware, undecoded: what its factory gets.
//!
//! The factory decodes them into its own type. Warnings gather here, so that no factory has to pass them on.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::{Dialect, Fault, Kind, Span, Value, decode};

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
    /// for [`warnings`](Self::warnings).
    ///
    /// # Errors
    /// With every fault found, errors and warnings, in the order of the document.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Vec<Fault>> {
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
        let (value, warnings) = decoded.into_result()?;
        let mut kept = self.warnings.lock();
        for warning in warnings {
            if !kept.contains(&warning) {
                kept.push(warning);
            }
        }
        Ok(value)
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

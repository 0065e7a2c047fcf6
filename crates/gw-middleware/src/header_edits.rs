//! An ordered list of header edits: remove, set, add. Shared by `headers` and `rewrite`.

use std::collections::BTreeMap;

use gw_value::{Fault, Spanned};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

/// Framing and connection management belong to the gateway: an edit of these would desynchronise the two sides.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The options of one direction.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HeadersPolicy {
    /// Replaces all fields of the name.
    set: BTreeMap<String, Spanned<String>>,
    /// Adds one more field of the name.
    add: BTreeMap<String, Spanned<String>>,
    /// Removes all fields of the name.
    remove: Vec<Spanned<String>>,
}

/// The edits of one direction, in the original's order: set, add, remove.
#[derive(Debug, Default)]
pub(crate) struct HeaderEdits {
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
}

impl HeaderEdits {
    /// Parses the names and values; what is wrong is added to `faults`.
    pub(crate) fn parse(policy: &HeadersPolicy, path: &str, faults: &mut Vec<Fault>) -> Self {
        Self {
            set: parse_fields(&policy.set, &format!("{path}.set"), faults),
            add: parse_fields(&policy.add, &format!("{path}.add"), faults),
            remove: policy
                .remove
                .iter()
                .filter_map(|name| parse_name(name, &format!("{path}.remove"), faults))
                .collect(),
        }
    }

    /// Applies the edits.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name, value.clone());
        }
        for name in &self.remove {
            headers.remove(name);
        }
    }
}

fn parse_fields(
    fields: &BTreeMap<String, Spanned<String>>,
    path: &str,
    faults: &mut Vec<Fault>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut parsed = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        let name = parse_name(&Spanned::new(name.clone(), value.span()), &path, faults);
        if let Ok(value) = HeaderValue::from_str(value) {
            parsed.extend(name.map(|name| (name, value)));
        } else {
            faults.push(invalid(value.span(), &path, "is not a valid header value".to_owned(), None));
        }
    }
    parsed
}

/// Parses a field name that an edit may touch.
pub(crate) fn parse_name(name: &Spanned<String>, path: &str, faults: &mut Vec<Fault>) -> Option<HeaderName> {
    let reserved = RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved));
    if reserved {
        let help = if name.eq_ignore_ascii_case("host") {
            "use `host_rewrite` of the rewrite middleware, or `metadata.host` of a backend"
        } else {
            "the gateway sets this field itself"
        };
        faults.push(invalid(
            name.span(),
            path,
            format!("header `{}` cannot be edited", **name),
            Some(help.to_owned()),
        ));
        return None;
    }
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) => Some(name),
        Err(_) => {
            faults.push(invalid(name.span(), path, format!("`{}` is not a valid header name", **name), None));
            None
        }
    }
}

/// A fault about a value of the right type that cannot be used.
pub(crate) fn invalid(span: gw_value::Span, path: &str, message: String, help: Option<String>) -> Fault {
    Fault { code: "GW0108", severity: gw_value::Severity::Error, message, span, path: path.to_owned(), help }
}

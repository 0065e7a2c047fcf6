//! What of a configuration may be shown: everything but secrets.
//!
//! A key's name decides, at every depth, so that options of middlewares nobody here knows are covered too.

use serde_json::Value;

use crate::{Loaded, v1};

/// What stands in the place of a secret.
const HIDDEN: &str = "[redacted]";

/// A key whose last word is one of these has a secret: `key`, `api_key`, `accessToken`, `jwt-secret`.
const SECRET: &[&str] = &[
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "dsn",
    "key",
    "keys",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "secret",
    "secrets",
    "token",
    "tokens",
];

/// The configuration as it takes effect, defaults of its dialect included, as JSON without secrets: values of keys that
/// name one, private keys wherever they stand, user names and passwords of URLs.
pub fn redacted(loaded: &Loaded) -> Value {
    let mut json = serde_json::to_value(effective(loaded)).unwrap_or_default();
    redact(&mut json, false);
    json
}

/// With what an absent key stands for.
fn effective(loaded: &Loaded) -> v1::Gateway {
    let mut gateway = loaded.gateway.clone();
    if gateway.listeners.is_empty() {
        gateway.listeners.push(v1::Listener::default().into());
    }
    let client = &mut gateway.client;
    client.connect_timeout = Some(client.connect_timeout_or_default(loaded.dialect));
    client.idle_timeout = Some(client.idle_timeout_or_default());
    client.max_connections = Some(client.max_connections_or_default());
    client.max_pending = Some(client.max_pending_or_default());
    for endpoint in &mut gateway.endpoints {
        let dialect = loaded.dialect_at(endpoint.span());
        endpoint.timeout = Some(endpoint.timeout_or_default(dialect));
        endpoint.idle_timeout = Some(endpoint.idle_timeout_or_default(dialect));
        let attempts = endpoint.attempts_or_default(dialect);
        endpoint.retry.get_or_insert_default().attempts = Some(attempts.into());
    }
    gateway
}

/// Blacks out what lies below; everything, if a key above named it a secret.
fn redact(value: &mut Value, secret: bool) {
    match value {
        Value::Object(table) => {
            let named =
                ["name", "key"].iter().find_map(|key| table.get(*key)?.as_str()).is_some_and(is_secret);
            for (key, value) in table {
                match (key.as_str(), value) {
                    // The balancer's hash key says where a key is found, and is none.
                    ("balancer", Value::Object(balancer)) => {
                        balancer.values_mut().for_each(|value| redact(value, secret));
                    }
                    // What a middleware sends with requests of its own: collectors take keys in any field.
                    ("options", Value::Object(options)) => {
                        for (key, value) in options {
                            redact(value, secret || is_secret(key) || key == "headers");
                        }
                    }
                    (key, value) => redact(value, secret || is_secret(key) || named && key == "value"),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, secret)),
        Value::String(text) if secret && !text.is_empty() => *text = HIDDEN.to_owned(),
        Value::String(text) => redact_text(text),
        Value::Number(_) if secret => *value = HIDDEN.into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a key names a secret: by its last word, in whatever case it is written.
fn is_secret(key: &str) -> bool {
    let start = key
        .char_indices()
        .rev()
        .find(|(at, c)| matches!(c, '_' | '-' | '.' | ' ') || is_hump(&key[..*at], *c))
        .map_or(0, |(at, c)| if c.is_alphanumeric() { at } else { at + c.len_utf8() });
    let word = key[start..].to_ascii_lowercase();
    SECRET.contains(&word.as_str()) || SECRET.contains(&key.to_ascii_lowercase().as_str())
}

/// Whether a capital starts a word: `accessToken`, not `TOKEN`.
fn is_hump(before: &str, c: char) -> bool {
    c.is_uppercase() && before.chars().next_back().is_some_and(char::is_lowercase)
}

fn redact_text(text: &mut String) {
    if text.contains("PRIVATE KEY-----") {
        *text = HIDDEN.to_owned();
    } else if let Some((scheme, rest)) = text.split_once("://") {
        // RFC 3986 §3.2: the authority ends at the first of `/?#`, and user information at its last `@`.
        let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if let Some(at) = rest[..authority].rfind('@') {
            *text = format!("{scheme}://{HIDDEN}{}", &rest[at..]);
        }
        redact_query(text);
    }
}

/// `?token=…` of a URL.
fn redact_query(text: &mut String) {
    let Some((before, query)) = text.split_once('?') else { return };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        _ => pair.to_owned(),
    });
    *text = format!("{before}?{}", pairs.collect::<Vec<_>>().join("&"));
}

#[cfg(test)]
mod tests;

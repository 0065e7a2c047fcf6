//! What the service sends: a configuration as text in JSON, and the priority items.

use serde::Deserialize;

use super::ControlError;
use crate::{Diagnostics, Document, Format, front};

/// How many priority items a release may have.
const MAX_ITEMS: usize = 1_024;
/// How long a key and a version may be, in bytes.
const MAX_NAME: usize = 128;

/// A release.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Release {
    /// The configuration, as JSON in a text.
    #[serde(default)]
    pub(super) config: String,
    /// Its version, sent back as `last_version`.
    #[serde(default)]
    pub(super) version: String,
    /// All priority items there are.
    #[serde(default)]
    pub(super) priority_configs: Vec<Item>,
}

/// A priority item.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    /// Its file's name, without the extension.
    pub(super) key: String,
    /// The priority configuration, as JSON in a text.
    #[serde(default)]
    pub(super) config: String,
    /// Its version.
    #[serde(default)]
    pub(super) version: String,
}

/// The state of the feature gates.
#[derive(Debug, Deserialize)]
pub(super) struct Features {
    /// By name.
    #[serde(default)]
    pub(super) features: std::collections::BTreeMap<String, bool>,
}

impl Release {
    /// Refuses what has no configuration, and keys that are no plain, distinct file names.
    pub(super) fn check(&self) -> Result<(), ControlError> {
        if self.config.trim().is_empty() {
            return Err(self.refused("it has no configuration"));
        }
        if !is_name(&self.version) {
            return Err(self.refused("its version is longer than 128 bytes, or has control characters"));
        }
        if self.priority_configs.len() > MAX_ITEMS {
            return Err(self.refused("it has more than 1024 priority items"));
        }
        let mut keys = std::collections::BTreeSet::new();
        for item in &self.priority_configs {
            self.check_item(item)?;
            // Two names that differ in case only are one file on some systems.
            if !keys.insert(item.key.to_ascii_lowercase()) {
                return Err(self.refused(&format!("it has two priority items with the key `{}`", item.key)));
            }
        }
        Ok(())
    }

    fn check_item(&self, item: &Item) -> Result<(), ControlError> {
        let key = &item.key;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if key.is_empty() || key.len() > MAX_NAME || key.starts_with('.') || !key.bytes().all(is_plain) {
            let key = shown(key);
            return Err(self.refused(&format!(
                "the priority key \"{key}\" is no file name: 1 to {MAX_NAME} letters, digits, `-`, `_` and `.`, which is not the first"
            )));
        }
        // They are listed as `key=version,…`.
        if !is_name(&item.version) || item.version.contains([',', '=']) {
            return Err(self.refused(&format!(
                "the version of priority item `{key}` is too long, or has `,`, `=` or control characters"
            )));
        }
        if item.config.trim().is_empty() {
            return Err(self.refused(&format!("priority item `{key}` has no configuration")));
        }
        Ok(())
    }

    pub(super) fn refused(&self, reason: &str) -> ControlError {
        ControlError::Refused { version: shown(&self.version), reason: reason.to_owned() }
    }
}

/// Whether a text can be a version.
fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME && !text.chars().any(char::is_control)
}

/// What was sent in the place of a name: the beginning of it, and nothing that makes a line of a log two.
pub(super) fn shown(text: &str) -> String {
    let kept = &text[..text.floor_char_boundary(MAX_NAME)];
    let dots = if kept.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", kept.escape_debug())
}

/// The document that is written for JSON in a text: indented, so that a place in it can be found. All YAML readers take it.
///
/// # Errors
/// When it is no JSON.
pub(super) fn document(name: &str, json: &str, format: Format) -> Result<Document, Diagnostics> {
    let sent = Document::from_bytes(name, Format::Json, json.as_bytes())?;
    let tree = match front::read(&sent) {
        Ok(tree) => tree,
        Err(errors) => return Err(Diagnostics::new(sent.into(), errors)),
    };
    // What is a tree of JSON can be written as JSON.
    let text = serde_json::to_string_pretty(&tree).unwrap_or_default();
    Ok(Document::new(name, format, text + "\n"))
}

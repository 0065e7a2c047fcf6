//! A document as text: its name, its format, its content and where in it a byte stands.
//!
//! Further documents may be attached to one. All share one space of places, so that a [`Span`] says which of them it is in.

mod places;

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use gw_value::{Dialect, Span};
use sha2::{Digest, Sha256};

use crate::codes::{NOT_UTF8, TOO_LARGE, UNREADABLE};
use crate::{Diagnostic, Diagnostics};

pub use places::{Place, Position};

/// The largest document, in bytes: 16 MiB.
pub const MAX_BYTES: usize = 16 << 20;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML 1.1, the native one.
    Toml,
    /// YAML 1.2, as the Go gateway's files. `on`, `off`, `yes` and `no` are text.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

impl Format {
    /// The format of a file by its extension: `toml`, `yaml`, `yml` or `json`, in any case.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The dialect its documents are read in.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Toml => Dialect::Native,
            Self::Yaml | Self::Json => Dialect::Go,
        }
    }
}

/// A document. Two with the same digest have the same content.
#[derive(Clone)]
pub struct Document {
    name: String,
    format: Format,
    text: Arc<str>,
    sha256: Arc<str>,
    attached: Arc<[places::Placed]>,
}

impl Document {
    /// A document from text. A leading byte order mark is dropped.
    pub fn new(name: impl Into<String>, format: Format, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let sha256: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { name: name.into(), format, text: text.into(), sha256: sha256.into(), attached: Arc::default() }
    }

    /// A document from bytes, as a file or a network answer holds them.
    ///
    /// # Errors
    /// When it is larger than [`MAX_BYTES`] (GW0204) or not UTF-8 (GW0202).
    pub fn from_bytes(name: impl Into<String>, format: Format, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let name = name.into();
        if bytes.len() > MAX_BYTES {
            return Err(too_large(&name, format));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, format, text)),
            Err(error) => Err(not_utf8(&name, format, bytes, error)),
        }
    }

    /// Reads a file. Its extension says the format.
    ///
    /// # Errors
    /// When it cannot be read, is no regular file (a link to one is) or has no known extension (GW0201), or for the
    /// reasons of [`from_bytes`](Self::from_bytes).
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        let name = path.display().to_string();
        if let Some((what, help)) = path.metadata().ok().and_then(|meta| oddity(meta.file_type())) {
            let error =
                Diagnostic::error(UNREADABLE, format!("`{name}` is {what}"), Span::NONE).with_help(help);
            return Err(Diagnostics::of_file(name, Format::Toml, error));
        }
        let Some(format) = Format::of(path) else {
            let message = format!("cannot tell the format of `{name}`");
            let error = Diagnostic::error(UNREADABLE, message, Span::NONE)
                .with_help("name it `.toml`, or `.yaml`, `.yml` or `.json` for the Go gateway's dialect");
            return Err(Diagnostics::of_file(name, Format::Toml, error));
        };
        match bytes(path) {
            Ok(bytes) => Self::from_bytes(name, format, &bytes),
            Err(error) => {
                let message = format!("cannot read `{name}`: {error}");
                let error = Diagnostic::error(UNREADABLE, message, Span::NONE);
                Err(Diagnostics::of_file(name, format, error))
            }
        }
    }

    /// The name by which people know it: a file's path as given, or a label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is written.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Its content. Spans count bytes of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The SHA-256 digest of its content, 64 hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl fmt::Debug for Document {
    /// Without the content, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("name", &self.name)
            .field("format", &self.format)
            .field("bytes", &self.text.len())
            .field("sha256", &self.sha256)
            .field("attached", &self.attached)
            .finish()
    }
}

/// What is no regular file, and what to do. To open a pipe is to wait for its other end, and a device may have no end.
fn oddity(kind: std::fs::FileType) -> Option<(&'static str, &'static str)> {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some((
            "a directory",
            "name the file in it; only priority files are named by their directory",
        ));
    }
    let what = if kind.is_fifo() {
        "a pipe, not a regular file"
    } else if kind.is_socket() {
        "a socket, not a regular file"
    } else {
        "a device, not a regular file"
    };
    Some((what, "a configuration is read again at each reload; write it to a file and name that"))
}

/// A file's content, but not more than tells that it is too large.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn too_large(name: &str, format: Format) -> Diagnostics {
    let error = Diagnostic::error(TOO_LARGE, "the document is larger than 16 MiB", Span::NONE);
    Diagnostics::of_file(name.to_owned(), format, error)
}

/// Points at the first bad byte. The valid text before it is shown, so the report has the line.
fn not_utf8(name: &str, format: Format, bytes: &[u8], error: std::str::Utf8Error) -> Diagnostics {
    let valid = error.valid_up_to();
    let byte = bytes.get(valid).copied().unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let dropped = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let document = Document::new(name, format, &text);
    let span = Span::new(valid - dropped, valid - dropped + '\u{fffd}'.len_utf8());
    let message = format!("the document is not UTF-8: byte 0x{byte:02x} at offset {valid}");
    let diagnostic = Diagnostic::error(NOT_UTF8, message, span).with_help("save the file as UTF-8");
    Diagnostics::new(Arc::new(document), vec![diagnostic])
}

#[cfg(test)]
mod tests;

//! The priority directory: which files it has, read in the order of their names.

use std::path::{Path, PathBuf};

use gw_value::Span;

use crate::codes::{TOO_LARGE, UNREADABLE};
use crate::document::MAX_BYTES;
use crate::{Diagnostic, Diagnostics, Document, Format};

/// How many files a directory may have.
const MAX_FILES: usize = 1_024;
/// How large they may be together, in bytes: 64 MiB.
const MAX_TOTAL: usize = 4 * MAX_BYTES;

/// The configuration files of a directory, by name: `.yaml`, `.yml`, `.json` and `.toml`, none that is hidden. What else
/// is there is not looked at. Differs from kratos, which reads `.yaml` only.
///
/// # Errors
/// When the directory cannot be read (GW0201), or has too many files (GW0204).
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>, Diagnostics> {
    let unreadable = |error: std::io::Error| {
        let message = format!("cannot read the priority directory `{}`: {error}", directory.display());
        of_directory(directory, Diagnostic::error(UNREADABLE, message, Span::NONE))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_wanted(&path) {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(too_much(directory, &format!("has more than {MAX_FILES} files")));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads the files of a directory, each by itself.
pub(super) fn read(directory: &Path) -> Vec<Result<Document, Diagnostics>> {
    let files = match files(directory) {
        Ok(files) => files,
        Err(error) => return vec![Err(error)],
    };
    let (mut documents, mut total) = (Vec::with_capacity(files.len()), 0);
    for file in files {
        let document = Document::read(&file);
        total += document.as_ref().map_or(0, |document| document.text().len());
        documents.push(document);
        if total > MAX_TOTAL {
            return vec![Err(too_much(directory, "is larger than 64 MiB"))];
        }
    }
    documents
}

/// A directory of that name is no file, nor is a pipe, for whose other end one would wait.
fn is_wanted(path: &Path) -> bool {
    let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !is_hidden && Format::of(path).is_some() && path.metadata().map_or(true, |meta| meta.is_file())
}

fn too_much(directory: &Path, what: &str) -> Diagnostics {
    let message = format!("the priority directory `{}` {what}", directory.display());
    of_directory(directory, Diagnostic::error(TOO_LARGE, message, Span::NONE))
}

fn of_directory(directory: &Path, error: Diagnostic) -> Diagnostics {
    Diagnostics::of_file(directory.display().to_string(), Format::Yaml, error)
}

//! Reads PEM given inline or by path, and takes certificates and keys out of it.

use std::path::Path;

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Origin, Part, TlsError};

const ARMOUR: &str = "-----BEGIN ";

/// The bytes of `inline_or_path`: the text itself if it holds PEM armour, else the content of the file it names.
///
/// # Errors
/// When the value is empty or the file cannot be read.
pub(crate) fn read_pem(inline_or_path: &str) -> Result<Vec<u8>, TlsError> {
    if inline_or_path.trim().is_empty() {
        return Err(TlsError::Empty);
    }
    match origin(inline_or_path) {
        Origin::Inline => Ok(inline_or_path.as_bytes().to_vec()),
        Origin::File(path) => match read_file(&path) {
            Ok(bytes) => Ok(bytes),
            Err(source) => Err(TlsError::Read { path, source }),
        },
    }
}

/// To open a pipe is to wait for its other end, and a device may have no end. A directory fails with its own reason.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_file() || kind.is_dir() {
        std::fs::read(path)
    } else {
        Err(std::io::Error::other("not a regular file"))
    }
}

/// PEM text of one part, with its origin for messages.
pub(crate) struct Pem {
    part: Part,
    pub(crate) origin: Origin,
    pub(crate) bytes: Vec<u8>,
}

impl Pem {
    pub(crate) fn read(part: Part, inline_or_path: &str) -> Result<Self, TlsError> {
        let bytes = read_pem(inline_or_path)
            .map_err(|source| TlsError::Unreadable { part, source: Box::new(source) })?;
        Ok(Self { part, origin: origin(inline_or_path), bytes })
    }

    /// Every certificate, in order; at least one.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let found = found.map_err(|error| self.fault(&error, "certificate"))?;
        if found.is_empty() { Err(self.missing("certificate")) } else { Ok(found) }
    }

    /// The first private key: PKCS #8, PKCS #1 or SEC 1.
    pub(crate) fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| self.fault(&error, "private key"))
    }

    pub(crate) fn unusable(&self, reason: impl std::fmt::Display) -> TlsError {
        TlsError::Unusable { part: self.part, origin: self.origin.clone(), reason: reason.to_string() }
    }

    fn fault(&self, error: &PemError, wanted: &'static str) -> TlsError {
        match error {
            PemError::NoItemsFound => self.missing(wanted),
            other => {
                TlsError::Pem { part: self.part, origin: self.origin.clone(), reason: other.to_string() }
            }
        }
    }

    fn missing(&self, wanted: &'static str) -> TlsError {
        TlsError::Missing { part: self.part, origin: self.origin.clone(), wanted }
    }
}

fn origin(inline_or_path: &str) -> Origin {
    if inline_or_path.contains(ARMOUR) {
        Origin::Inline
    } else {
        Origin::File(Path::new(inline_or_path.trim()).to_owned())
    }
}

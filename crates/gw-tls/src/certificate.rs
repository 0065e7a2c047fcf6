//! One certificate of a listener: read, checked against its key, with its names and its end.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::sign::CertifiedKey;
use rustls_pki_types::DnsName;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::error::{Part, TlsError};
use crate::pem::Pem;
use crate::provider::provider;

/// Octets of a serial number that are shown.
const MAX_SERIAL: usize = 20;

/// Where a certificate comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateSource {
    /// The chain, leaf first: inline PEM or a file's path.
    pub cert: String,
    /// Its private key: inline PEM or a file's path.
    pub key: String,
    /// The names it serves, `www.example.com` or `*.example.com`. Default: the DNS names in the certificate.
    pub server_names: Vec<String>,
}

/// What may be shown of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The names it serves, lower-case.
    pub names: Vec<String>,
    /// Its serial number in hexadecimal; 20 octets at most are shown (RFC 5280 §4.1.2.2).
    pub serial: String,
    /// When it ends.
    pub not_after: SystemTime,
}

/// A certificate ready for use.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub(crate) key: Arc<CertifiedKey>,
    info: CertificateInfo,
}

impl Certificate {
    /// Reads and checks a certificate. One that has ended is taken: serving it is better than no listener.
    ///
    /// # Errors
    /// When a file cannot be read, the PEM is faulty, or key and certificate do not belong together.
    pub fn load(source: &CertificateSource) -> Result<Self, TlsError> {
        let cert = Pem::read(Part::Cert, &source.cert)?;
        let chain = cert.certificates()?;
        let (own, serial, not_after) = match chain.first().map(|leaf| parse_x509_certificate(leaf)) {
            Some(Ok((_, leaf))) => (dns_names(&leaf), serial(&leaf), ends(&leaf)),
            Some(Err(error)) => return Err(cert.unusable(error)),
            None => return Err(TlsError::NoCertificate),
        };
        let pem = Pem::read(Part::Key, &source.key)?;
        let key =
            CertifiedKey::from_der(chain, pem.private_key()?, &provider()).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch,
                other => pem.unusable(other),
            })?;
        let names = if source.server_names.is_empty() { own } else { checked(&source.server_names)? };
        Ok(Self { key: Arc::new(key), info: CertificateInfo { names, serial, not_after } })
    }

    /// Its names and its end.
    pub fn info(&self) -> &CertificateInfo {
        &self.info
    }
}

fn dns_names(leaf: &x509_parser::certificate::X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

fn serial(leaf: &x509_parser::certificate::X509Certificate<'_>) -> String {
    leaf.raw_serial().iter().take(MAX_SERIAL).map(|octet| format!("{octet:02x}")).collect()
}

fn ends(leaf: &x509_parser::certificate::X509Certificate<'_>) -> SystemTime {
    let seconds = u64::try_from(leaf.validity().not_after.timestamp()).unwrap_or(0);
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn checked(names: &[String]) -> Result<Vec<String>, TlsError> {
    let check = |name: &String| {
        let plain = name.strip_prefix("*.").unwrap_or(name);
        match DnsName::try_from(plain) {
            Ok(_) => Ok(name.to_ascii_lowercase()),
            Err(_) => Err(TlsError::Name(name.clone())),
        }
    };
    names.iter().map(check).collect()
}

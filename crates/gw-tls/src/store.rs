//! The certificates of a listener, chosen by SNI and replaced while it serves.
//!
//! A handshake takes the set that is current when its ClientHello arrives; later ones see the next set.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::{Certificate, CertificateInfo, CertificateSource, TlsError};

/// Answers a ClientHello with a certificate.
///
/// The exact name wins, then `*.` in place of its first label (RFC 9525 §6.3: one whole label), then the first
/// certificate, which also serves clients that send no name.
#[derive(Debug)]
pub struct CertificateStore(ArcSwap<Set>);

#[derive(Debug)]
struct Set {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    default: Arc<CertifiedKey>,
    infos: Vec<CertificateInfo>,
}

impl CertificateStore {
    /// A store of certificates, the first of which is the default.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn new(sources: &[CertificateSource]) -> Result<Arc<Self>, TlsError> {
        Self::of(&load(sources)?)
    }

    /// A store of certificates that have been loaded one by one, so that every fault could be reported.
    ///
    /// # Errors
    /// When there is none, or two claim one name.
    pub fn of(certificates: &[Certificate]) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self(ArcSwap::from_pointee(Set::of(certificates)?))))
    }

    /// Reads `sources` and, if all are good, serves them from the next handshake on.
    ///
    /// # Errors
    /// When one cannot be used, there is none, or two claim one name; the current set then stays.
    pub fn replace(&self, sources: &[CertificateSource]) -> Result<(), TlsError> {
        self.swap(&load(sources)?)
    }

    /// Serves `certificates` from the next handshake on.
    ///
    /// # Errors
    /// When there is none, or two claim one name; the current set then stays.
    pub fn swap(&self, certificates: &[Certificate]) -> Result<(), TlsError> {
        self.0.store(Arc::new(Set::of(certificates)?));
        Ok(())
    }

    /// The names and ends of the current set, in its order.
    pub fn infos(&self) -> Vec<CertificateInfo> {
        self.0.load().infos.clone()
    }
}

impl Set {
    fn of(certificates: &[Certificate]) -> Result<Self, TlsError> {
        let default = certificates.first().ok_or(TlsError::NoCertificate)?;
        let mut by_name = HashMap::new();
        for certificate in certificates {
            // The default needs no name: it answers whatever no other claims.
            if certificate.info().names.is_empty() && !Arc::ptr_eq(&certificate.key, &default.key) {
                return Err(TlsError::Nameless);
            }
            for name in &certificate.info().names {
                let before = by_name.insert(name.clone(), Arc::clone(&certificate.key));
                if before.is_some_and(|before| !Arc::ptr_eq(&before, &certificate.key)) {
                    return Err(TlsError::DuplicateName(name.clone()));
                }
            }
        }
        let infos = certificates.iter().map(|certificate| certificate.info().clone()).collect();
        Ok(Self { by_name, default: Arc::clone(&default.key), infos })
    }

    fn find(&self, server_name: Option<&str>) -> &Arc<CertifiedKey> {
        server_name.and_then(|name| self.by_sni(name)).unwrap_or(&self.default)
    }

    fn by_sni(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        self.by_name.get(&name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        })
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.0.load().find(hello.server_name())))
    }
}

fn load(sources: &[CertificateSource]) -> Result<Vec<Certificate>, TlsError> {
    sources.iter().map(Certificate::load).collect()
}

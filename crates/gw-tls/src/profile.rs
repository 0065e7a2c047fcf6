//! The TLS settings for upstreams: whom to trust, who we are, which name to ask for.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use sha2::{Digest, Sha256};

use crate::error::{Part, TlsError};
use crate::pem::Pem;
use crate::provider::{VERSIONS, provider};
use crate::verifier::AnyCertificate;

/// What a profile is built from; every part is optional, and an empty text is an absent one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Takes any certificate. Default false.
    pub insecure: bool,
    /// Trusted roots, inline PEM or a path. Default: the system's.
    pub ca: Option<String>,
    /// Our certificate chain, leaf first, inline PEM or a path. Needs `key`.
    pub cert: Option<String>,
    /// Its key, inline PEM or a path. Needs `cert`.
    pub key: Option<String>,
    /// The name sent (SNI) and verified. Default: the target's host.
    pub server_name: Option<String>,
}

/// The protocols offered by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// `http/1.1`.
    Http1,
    /// `h2`.
    Http2,
    /// `h2`, then `http/1.1`.
    Both,
}

/// The identity of a profile: equal when everything that shapes a connection is equal.
///
/// A SHA-256 of the content, not of the paths, so that a replaced file makes new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProfileId([u8; 32]);

/// TLS settings for upstreams. Two profiles of one [`id`](Self::id) may share connections.
#[derive(Debug)]
pub struct ClientProfile {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    both: Arc<ClientConfig>,
    server_name: Option<String>,
    id: ProfileId,
}

impl ClientProfile {
    /// Reads what `profile` names and checks all of it.
    ///
    /// Differs from kratos (B11), which drops a profile without certificate and silently falls back to the
    /// system's roots: `insecure`, `ca` and `server_name` each work alone.
    ///
    /// # Errors
    /// When a file cannot be read, PEM is faulty, key and certificate do not belong together, only one of them is
    /// given, the name is no name, or the system's roots are needed and there are none.
    pub fn build(profile: &Profile) -> Result<Arc<Self>, TlsError> {
        let mut hash = Hash::new(profile.insecure);
        let verifier = verifier(profile, &mut hash)?;
        let identity = identity(profile, &mut hash)?;
        let server_name = present(profile.server_name.as_ref());
        if let Some(name) = server_name {
            ServerName::try_from(name).map_err(|_| TlsError::Name(name.to_owned()))?;
        }
        hash.add(server_name.map(str::as_bytes));
        let config = client_config(verifier, identity)?;
        let with = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Arc::new(config)
        };
        Ok(Arc::new(Self {
            http1: with(&[b"http/1.1"]),
            http2: with(&[b"h2"]),
            both: with(&[b"h2", b"http/1.1"]),
            server_name: server_name.map(str::to_owned),
            id: hash.finish(),
        }))
    }

    /// The settings with these protocols offered.
    pub fn config(&self, alpn: Alpn) -> Arc<ClientConfig> {
        Arc::clone(match alpn {
            Alpn::Http1 => &self.http1,
            Alpn::Http2 => &self.http2,
            Alpn::Both => &self.both,
        })
    }

    /// The name to send and verify, if the profile sets one.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The identity of its content.
    pub fn id(&self) -> ProfileId {
        self.id
    }
}

impl PartialEq for ClientProfile {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for ClientProfile {}

impl std::hash::Hash for ClientProfile {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// Settings for a client of the gateway's own that speaks HTTP/1.1, such as one of a trace collector. Without a profile it
/// trusts nobody: for plain HTTP, where HTTP clients want settings too, and the machine may have no roots. The profile's
/// `server_name` is not looked at.
///
/// # Errors
/// As [`ClientProfile::build`].
pub fn own_client(profile: Option<&Profile>) -> Result<ClientConfig, TlsError> {
    match profile {
        Some(profile) => Ok(Arc::unwrap_or_clone(ClientProfile::build(profile)?.config(Alpn::Http1))),
        None => client_config(Verifier::Roots(Arc::new(RootCertStore::empty())), None),
    }
}

type Identity = Option<(Vec<rustls_pki_types::CertificateDer<'static>>, Pem)>;

fn client_config(verifier: Verifier, identity: Identity) -> Result<ClientConfig, TlsError> {
    #[expect(clippy::expect_used, reason = "aws-lc-rs has suites for both versions, which a test proves")]
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .expect("suites for TLS 1.2 and 1.3");
    let builder = match verifier {
        Verifier::Roots(roots) => builder.with_root_certificates(roots),
        Verifier::Any(verifier) => builder.dangerous().with_custom_certificate_verifier(verifier),
    };
    let Some((chain, key)) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    builder.with_client_auth_cert(chain, key.private_key()?).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch,
        other => key.unusable(other),
    })
}

enum Verifier {
    Roots(Arc<RootCertStore>),
    Any(Arc<dyn ServerCertVerifier>),
}

fn verifier(profile: &Profile, hash: &mut Hash) -> Result<Verifier, TlsError> {
    let ca = present(profile.ca.as_ref()).map(|ca| Pem::read(Part::Ca, ca)).transpose()?;
    hash.add(ca.as_ref().map(|ca| ca.bytes.as_slice()));
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &ca {
        for root in ca.certificates()? {
            roots.add(root).map_err(|error| ca.unusable(error))?;
        }
    }
    if profile.insecure {
        return Ok(Verifier::Any(Arc::new(AnyCertificate(provider()))));
    }
    if ca.is_none() {
        let mut native = rustls_native_certs::load_native_certs().certs;
        // In one order, and known by: others may be installed before the next reload.
        native.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
        native.iter().for_each(|root| hash.add(Some(root)));
        roots.add_parsable_certificates(native);
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
    }
    Ok(Verifier::Roots(Arc::new(roots)))
}

fn identity(profile: &Profile, hash: &mut Hash) -> Result<Identity, TlsError> {
    let (cert, key) = match (present(profile.cert.as_ref()), present(profile.key.as_ref())) {
        (Some(cert), Some(key)) => (Pem::read(Part::Cert, cert)?, Pem::read(Part::Key, key)?),
        (Some(_), None) => return Err(TlsError::Half(Part::Key)),
        (None, Some(_)) => return Err(TlsError::Half(Part::Cert)),
        (None, None) => {
            hash.add(None);
            return Ok(None);
        }
    };
    hash.add(Some(&cert.bytes));
    hash.add(Some(&key.bytes));
    Ok(Some((cert.certificates()?, key)))
}

fn present(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// A hash of parts, each with its length, so that no two lists of parts run together.
struct Hash(Sha256);

impl Hash {
    fn new(insecure: bool) -> Self {
        Self(Sha256::new_with_prefix([u8::from(insecure)]))
    }

    fn add(&mut self, part: Option<&[u8]>) {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        self.0.update(length.to_be_bytes());
        self.0.update(part.unwrap_or_default());
    }

    fn finish(self) -> ProfileId {
        ProfileId(self.0.finalize().into())
    }
}

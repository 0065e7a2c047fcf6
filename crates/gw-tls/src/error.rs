//! Why TLS material cannot be used; every variant says which part and, if it is a file, which file.

use std::path::PathBuf;

/// The part of a profile or certificate that is at fault; its word is the configuration's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The trusted roots.
    Ca,
    /// The certificate chain.
    Cert,
    /// The private key.
    Key,
    /// The name that is sent and verified, or that a certificate serves.
    ServerName,
}

impl Part {
    /// The key of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ca => "cacert",
            Self::Cert => "cert",
            Self::Key => "key",
            Self::ServerName => "server_name",
        }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where PEM text came from, for messages: never the text itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stood in the configuration.
    Inline,
    /// It was read from this file.
    File(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline => f.write_str("the inline PEM"),
            Self::File(path) => write!(f, "`{}`", path.display()),
        }
    }
}

/// Why TLS material cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The value is neither PEM nor a path.
    #[error("neither PEM nor the path of a file: the value is empty")]
    Empty,
    /// The part failed to read.
    #[error("{part}: {source}")]
    Unreadable {
        /// Which part.
        part: Part,
        /// Why.
        source: Box<TlsError>,
    },
    /// PEM text with a fault in its armour or Base64.
    #[error("{part}: {origin} is not valid PEM: {reason}")]
    Pem {
        /// Which part.
        part: Part,
        /// Where the text stands.
        origin: Origin,
        /// The parser's words.
        reason: String,
    },
    /// PEM without the section that is needed.
    #[error("{part}: {origin} holds no {wanted}")]
    Missing {
        /// Which part.
        part: Part,
        /// Where the text stands.
        origin: Origin,
        /// `certificate` or `private key`.
        wanted: &'static str,
    },
    /// A section that holds no usable certificate or key.
    #[error("{part}: {origin} cannot be used: {reason}")]
    Unusable {
        /// Which part.
        part: Part,
        /// Where the text stands.
        origin: Origin,
        /// The reason.
        reason: String,
    },
    /// The key does not belong to the certificate.
    #[error("the key does not belong to the certificate")]
    KeyMismatch,
    /// Of certificate and key only one is given.
    #[error("{0} is missing: a certificate needs its key, and a key its certificate")]
    Half(Part),
    /// A name that is neither a DNS name nor an IP address.
    #[error("server_name: `{0}` is neither a DNS name nor an IP address")]
    Name(String),
    /// A certificate without names, and none are configured.
    #[error("the certificate has no DNS name of its own and no server_names are given")]
    Nameless,
    /// A store needs a certificate to answer with.
    #[error("a listener with TLS needs at least one certificate")]
    NoCertificate,
    /// Two certificates claim one name.
    #[error("two certificates claim the name `{0}`")]
    DuplicateName(String),
    /// The machine has no trusted roots, and the profile gives none.
    #[error("this system has no trusted root certificates, and no others are given")]
    NoRoots,
}

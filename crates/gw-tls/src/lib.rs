//! TLS for both sides of the gateway: PEM, client profiles for upstreams, the certificate store of listeners.
//!
//! It makes `rustls` configurations and opens no socket. TLS 1.2 and 1.3 by aws-lc-rs, which every configuration
//! names itself: no process-wide provider is installed or needed. Files are read when something is built, never
//! during a handshake.

mod certificate;
mod error;
mod pem;
mod profile;
mod provider;
mod server;
mod store;
mod verifier;

#[cfg(test)]
mod tests;

pub use certificate::{Certificate, CertificateInfo, CertificateSource};
pub use error::{Origin, Part, TlsError};
pub use profile::{Alpn, ClientProfile, Profile, ProfileId, own_client};
pub use server::server_config;
pub use store::CertificateStore;

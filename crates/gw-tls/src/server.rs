//! The TLS settings of a listener.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;

use crate::CertificateStore;
use crate::provider::{VERSIONS, provider};

/// The settings of a listener that answers with the certificates of `store` and offers `http/1.1` by ALPN and,
/// with `http2`, `h2` before it. Clients are asked for no certificate. Sessions resume by ticket, so workers share
/// no session cache.
pub fn server_config(store: Arc<CertificateStore>, http2: bool) -> Arc<ServerConfig> {
    #[expect(clippy::expect_used, reason = "aws-lc-rs has suites for both versions, which a test proves")]
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .expect("suites for TLS 1.2 and 1.3");
    let mut config = builder.with_no_client_auth().with_cert_resolver(store);
    config.alpn_protocols =
        if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    match Ticketer::new() {
        Ok(ticketer) => config.ticketer = ticketer,
        // The in-memory cache that rustls then uses works too, at the price of a lock.
        Err(error) => tracing::warn!(%error, "no session tickets"),
    }
    Arc::new(config)
}

//! Consul over reqwest: HTTP/1.1, our TLS, our resolver; no redirects, no proxy out of the environment.
//!
//! A connection that has died without a word is noticed by the kernel: keepalive while a query is held, and a limit
//! on unacknowledged data. Answers are read up to [`BODY_LIMIT`].

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gw_core::BoxFuture;
use http::header::{ACCEPT, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::api::{ConsulApi, ConsulError, HealthAnswer, HealthQuery};
use super::options::ConsulTls;
use crate::{Consistency, Discovery as _, Dns};

/// The most that is read of an answer: an instance takes 1 to 2 KiB.
pub(super) const BODY_LIMIT: usize = 32 << 20;

const CONNECT: Duration = Duration::from_secs(3);
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The transport that is used by default.
pub(super) struct HttpApi {
    client: reqwest::Client,
    body_limit: usize,
}

impl HttpApi {
    /// Reads the certificates and makes the client; connects nowhere.
    pub(super) fn new(tls: Option<&ConsulTls>, seed: u64, body_limit: usize) -> Result<Self, ConsulError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(tls)?)
            .dns_resolver(Arc::new(OwnResolver(Dns::system(seed))))
            .http1_only()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE)
            .tcp_keepalive_interval(KEEPALIVE)
            .tcp_keepalive_retries(KEEPALIVE_PROBES);
        #[cfg(target_os = "linux")]
        let client = client.tcp_user_timeout(USER_TIMEOUT);
        let client = client.build().map_err(|error| ConsulError::Client { source: error.into() })?;
        Ok(Self { client, body_limit })
    }

    async fn get(&self, query: HealthQuery) -> Result<HealthAnswer, ConsulError> {
        let broken = |error: reqwest::Error| ConsulError::Connection {
            base: Arc::clone(&query.base),
            source: error.without_url().into(),
        };
        let url = format!("{}/v1/health/service/{}?{}", query.base, query.segment(), query.query);
        let mut request = self.client.get(url).header(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = &query.token {
            let mut value = HeaderValue::from_str(token.expose())
                .map_err(|error| ConsulError::Client { source: error.into() })?;
            value.set_sensitive(true);
            request = request.header("x-consul-token", value);
        }
        let mut response = request.send().await.map_err(broken)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > self.body_limit {
                return Err(ConsulError::TooLarge { limit: self.body_limit });
            }
            body.extend_from_slice(&chunk);
        }
        let body: Bytes = body.freeze();
        if response.status() != http::StatusCode::OK {
            let status = response.status().as_u16();
            return Err(ConsulError::status(&query.base, status, &body, query.token.as_ref()));
        }
        let headers = response.headers();
        HealthAnswer::new(|name| headers.get(name).and_then(|value| value.to_str().ok()), body)
    }
}

impl ConsulApi for HttpApi {
    fn health(&self, query: HealthQuery) -> BoxFuture<'_, Result<HealthAnswer, ConsulError>> {
        Box::pin(self.get(query))
    }
}

/// Resolves as the gateway does: no hidden thread, and `/etc/hosts` is read each time.
struct OwnResolver(Dns);

impl Resolve for OwnResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = self.0.clone();
        Box::pin(async move {
            // The port is that of the URL; one must stand here.
            let found = dns.read(&format!("{}:1", name.as_str()), Consistency::Default).await?;
            let addresses: Vec<SocketAddr> = found
                .instances
                .iter()
                .filter_map(|instance| instance.id.parse().ok())
                .map(|address: SocketAddr| SocketAddr::new(address.ip(), 0))
                .collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The crypto provider is named here, so none has to be installed for the process. Without TLS nothing is read.
fn tls_config(tls: Option<&ConsulTls>) -> Result<ClientConfig, ConsulError> {
    let unusable = |error: rustls::Error| ConsulError::Client { source: error.into() };
    let mut roots = RootCertStore::empty();
    match tls {
        None => {}
        Some(ConsulTls { ca_file: Some(path), .. }) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(unusable)?;
            }
        }
        Some(ConsulTls { ca_file: None, .. }) => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                let source = "this system has no trusted root certificates: give `ca_file`".into();
                return Err(ConsulError::Client { source });
            }
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(unusable)?
        .with_root_certificates(roots);
    match tls.and_then(|tls| tls.identity.as_ref()) {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| invalid(key, error))?;
            builder.with_client_auth_cert(certificates(chain)?, private).map_err(unusable)
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConsulError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| invalid(path, error))?;
    if found.is_empty() { Err(invalid(path, "it holds no certificate")) } else { Ok(found) }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, ConsulError> {
    std::fs::read(path).map_err(|source| ConsulError::File { path: path.to_owned(), source })
}

fn invalid(path: &Path, why: impl Into<gw_core::BoxError>) -> ConsulError {
    let source = std::io::Error::new(std::io::ErrorKind::InvalidData, why);
    ConsulError::File { path: path.to_owned(), source }
}

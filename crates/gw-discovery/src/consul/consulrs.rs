//! Consul over the crate `consulrs`, for those who want that client: cargo feature `consulrs`, `client=consulrs`.
//!
//! The published crate has no health endpoint, so it is written here, on its public parts. Its HTTP client is made
//! by hand, as its constructor knows no time limits and cannot load a client certificate. Three things are not as in
//! our own transport, see docs/decisions/0006-consul-transport.md: an answer is read whatever its size, names are
//! looked up by the C library, and a name that needs escaping is refused, since `consulrs` escapes twice.

use std::sync::Arc;
use std::time::Duration;

use consulrs::api::EndpointMiddleware;
use gw_core::{BoxError, BoxFuture};
use reqwest_011::redirect::Policy;
use reqwest_011::{Certificate, Identity};
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;

use super::api::{ConsulApi, ConsulError, HealthAnswer, HealthQuery};
use super::http::read;
use super::options::ConsulTls;

const CONNECT: Duration = Duration::from_secs(3);
const KEEPALIVE: Duration = Duration::from_secs(10);

/// The transport over `consulrs`.
pub(super) struct ConsulrsApi {
    http: reqwest_011::Client,
}

impl ConsulrsApi {
    /// Reads the certificates and makes the client; connects nowhere.
    pub(super) fn new(tls: Option<&ConsulTls>) -> Result<Self, ConsulError> {
        let unusable = |error: reqwest_011::Error| ConsulError::Client { source: error.into() };
        // OpenSSL is the default of this old reqwest and comes with `consulrs`; it is not used.
        let mut http = reqwest_011::Client::builder()
            .use_rustls_tls()
            .http1_only()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE);
        if let Some(path) = tls.and_then(|tls| tls.ca_file.as_ref()) {
            http = http.tls_built_in_root_certs(false);
            http = http.add_root_certificate(Certificate::from_pem(&read(path)?).map_err(unusable)?);
        }
        if let Some((chain, key)) = tls.and_then(|tls| tls.identity.as_ref()) {
            let pem = [read(key)?, read(chain)?].concat();
            http = http.identity(Identity::from_pem(&pem).map_err(unusable)?);
        }
        Ok(Self { http: http.build().map_err(unusable)? })
    }

    async fn get(&self, query: HealthQuery) -> Result<HealthAnswer, ConsulError> {
        let base = Arc::clone(&query.base);
        let middleware = EndpointMiddleware {
            features: None,
            token: query.token.as_ref().map(|token| token.expose().to_owned()),
            version: "v1".to_owned(),
        };
        if query.segment() != *query.service {
            return Err(ConsulError::Client {
                source: "consulrs cannot ask for a name that needs escaping".into(),
            });
        }
        let client = rustify::Client::new(&base, self.http.clone());
        let token = query.token.clone();
        let endpoint = HealthService { query }.with_middleware(&middleware);
        match endpoint.exec(&client).await {
            Ok(result) if result.response.status().as_u16() == 200 => {
                let (head, body) = result.response.into_parts();
                let field = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
                HealthAnswer::new(field, body.into())
            }
            Ok(result) => {
                let status = result.response.status().as_u16();
                Err(ConsulError::status(&base, status, result.response.body(), token.as_ref()))
            }
            Err(ClientError::ServerResponseError { code, content }) => {
                let text = content.unwrap_or_default();
                Err(ConsulError::status(&base, code, text.as_bytes(), token.as_ref()))
            }
            Err(error) => Err(ConsulError::Connection { base, source: cause(error) }),
        }
    }
}

impl ConsulApi for ConsulrsApi {
    fn health(&self, query: HealthQuery) -> BoxFuture<'_, Result<HealthAnswer, ConsulError>> {
        Box::pin(self.get(query))
    }
}

/// What was behind an error that itself says no more than that there was one.
fn cause(error: ClientError) -> BoxError {
    match error {
        ClientError::RequestError { source, .. } | ClientError::ResponseError { source } => source.into(),
        other => other.into(),
    }
}

/// `health/service/<service>`. The derive macro of `consulrs` works only inside of it.
#[derive(Debug)]
struct HealthService {
    query: HealthQuery,
}

impl Endpoint for HealthService {
    type Response = serde_json::Value;

    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("health/service/{}", self.query.service)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }

    fn query(&self) -> Result<Option<String>, ClientError> {
        Ok(Some(self.query.query.clone()).filter(|query| !query.is_empty()))
    }
}

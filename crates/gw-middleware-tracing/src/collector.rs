//! The collector, over HTTP: one export, once more if that may help.
//!
//! Source: OTLP specification, "OTLP/HTTP". Redirects are not followed and no proxy is taken from the environment.

use std::time::Duration;

use bytes::Bytes;
use gw_tls::Profile;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use crate::options::Target;

/// How long to wait before the second try.
const PAUSE: Duration = Duration::from_secs(1);
/// How much of an answer is read, bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why a collector cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectorError {
    /// TLS cannot be set up.
    #[error("TLS to the collector")]
    Tls(#[from] gw_tls::TlsError),
    /// The client cannot be set up.
    #[error("the collector's client")]
    Client(#[from] reqwest::Error),
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// No answer.
    #[error("{}", causes(.0))]
    Unreachable(reqwest::Error),
    /// An answer that is no success.
    #[error("the collector answers {0}")]
    Refused(StatusCode),
}

impl ExportError {
    /// Whether the same spans may be taken in a moment.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(error) => !error.is_builder(),
            Self::Refused(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        }
    }
}

/// An error with its causes: reqwest's own text tells none, and the URL may hold a secret.
fn causes(error: &reqwest::Error) -> String {
    let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let causes: Vec<_> = chain.map(ToString::to_string).collect();
    if causes.is_empty() && error.is_timeout() { "no answer in time".to_owned() } else { causes.join(": ") }
}

/// Where spans go.
pub(crate) struct Collector {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl Collector {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When TLS is needed and cannot be had.
    pub(crate) fn new(target: &Target) -> Result<Self, CollectorError> {
        let tls = (target.url.scheme() == "https").then(Profile::default);
        let client = Client::builder()
            .tls_backend_preconfigured(gw_tls::own_client(tls.as_ref())?)
            .no_proxy()
            .redirect(Policy::none())
            .timeout(target.timeout)
            .user_agent(concat!("gateway/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut headers: HeaderMap = target.headers.iter().cloned().collect();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Ok(Self { client, url: target.url.clone(), headers })
    }

    /// Sends an encoded request, a second time after a pause if the failure may pass: how many spans were not wanted.
    pub(crate) async fn export(&self, request: Bytes) -> Result<u64, ExportError> {
        match self.post(request.clone()).await {
            Err(error) if error.is_passing() => {
                tokio::time::sleep(PAUSE).await;
                self.post(request).await
            }
            done => done,
        }
    }

    /// Sends an encoded request, once.
    pub(crate) async fn post(&self, request: Bytes) -> Result<u64, ExportError> {
        let post = self.client.post(self.url.clone()).headers(self.headers.clone()).body(request);
        let answer = post.send().await.map_err(ExportError::Unreachable)?;
        let status = answer.status();
        let body = body(answer).await?;
        if !status.is_success() {
            return Err(ExportError::Refused(status));
        }
        // An answer that cannot be read has taken everything.
        let answer = ExportTraceServiceResponse::decode(&*body).unwrap_or_default();
        let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or_default())
    }
}

/// An answer's body, read to its end so that the connection can be used again, but not for ever.
async fn body(mut answer: Response) -> Result<Vec<u8>, ExportError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(ExportError::Unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            break;
        }
    }
    Ok(body)
}

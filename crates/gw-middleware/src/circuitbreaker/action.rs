//! What is answered to a request that may not pass.

use std::sync::Arc;

use bytes::Bytes;
use gw_core::{Body, Client, Error, Failure, Outcome, Request, Response};
use http::{HeaderMap, StatusCode};

/// What is answered to a request that may not pass. Its body has not been touched.
pub(super) enum Action {
    /// The gateway's own 503. It says no `Retry-After`: some requests pass at any time.
    Refuse,
    /// An answer that is configured.
    Respond {
        /// Its status.
        status: StatusCode,
        /// Its fields.
        headers: HeaderMap,
        /// Its body.
        body: Bytes,
    },
    /// Another upstream answers, once; if it fails, that failure is told.
    Backup(Arc<dyn Client>),
}

impl Action {
    pub(super) async fn answer(&self, req: Request) -> gw_core::Result<Response> {
        match self {
            Self::Refuse => Err(Error::reject(Outcome::BreakerOpen)),
            Self::Respond { status, headers, body } => {
                let mut response = Response::new(Body::from(body.clone()));
                *response.status_mut() = *status;
                response.headers_mut().clone_from(headers);
                // The log and the metrics tell it from an upstream's answer.
                response.extensions_mut().insert(Failure::from(&Error::reject(Outcome::BreakerOpen)));
                Ok(response)
            }
            Self::Backup(client) => client.call(req).await,
        }
    }
}

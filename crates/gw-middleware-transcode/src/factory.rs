//! The options, and what is made of them.

use std::num::NonZeroU32;
use std::sync::Arc;

use gw_core::{BoxFuture, Request, Response};
use gw_middleware::{BuildContext, BuildError, Middleware, MiddlewareFactory, Next};
use gw_value::Options;
use serde::Deserialize;

use crate::{answer, request};

/// Messages may have 4 MiB unless the options say otherwise: what gRPC servers and clients take by default.
const MAX_BYTES: NonZeroU32 = NonZeroU32::MIN.saturating_add((4 << 20) - 1);

/// Makes `transcoder`.
///
/// On an endpoint whose upstream does not speak gRPC it does nothing, so that it may stand in the global chain.
#[derive(Debug)]
pub struct Factory;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TranscoderOptions {
    /// Bytes of a request's body, 1 to 4 GiB - 1. Default 4 MiB. A longer one is refused with 413.
    max_request_bytes: NonZeroU32,
    /// Bytes of the upstream's message, 1 to 4 GiB - 1. Default 4 MiB. A longer one is answered with 502.
    max_response_bytes: NonZeroU32,
    /// The HTTP status of a call that failed. Default `http`.
    status: StatusForm,
}

impl Default for TranscoderOptions {
    fn default() -> Self {
        Self { max_request_bytes: MAX_BYTES, max_response_bytes: MAX_BYTES, status: StatusForm::Http }
    }
}

/// The HTTP status of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusForm {
    /// The one that goes with the gRPC status.
    Http,
    /// 200, as kratos answers.
    Kratos,
}

struct Transcoder {
    grpc: bool,
    max_request_bytes: u32,
    answers: Arc<answer::Answers>,
}

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        "transcoder"
    }

    fn build(&self, options: &Options, cx: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        let options: TranscoderOptions = options.decode()?;
        let (max_bytes, status) = (options.max_response_bytes.get(), options.status);
        Ok(Arc::new(Transcoder {
            grpc: cx.endpoint().grpc,
            max_request_bytes: options.max_request_bytes.get(),
            answers: Arc::new(answer::Answers { max_bytes, status }),
        }))
    }
}

impl Middleware for Transcoder {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, gw_core::Result<Response>> {
        Box::pin(async move {
            if !self.grpc || !request::is_transcoded(&req) {
                return Ok(next.run(req).await);
            }
            let (req, accepts) = request::frame(req, self.max_request_bytes).await?;
            let mut response = next.run(req).await;
            if request::is_grpc(response.headers()) {
                // It came from a client that a middleware has of its own, and by no attempt.
                response = self.answers.transcode(response, accepts).await?;
            }
            answer::strip(response.headers_mut());
            Ok(response)
        })
    }

    fn attempt(self: Arc<Self>) -> Option<Arc<dyn Middleware>> {
        self.grpc.then(|| Arc::clone(&self.answers) as Arc<dyn Middleware>)
    }
}

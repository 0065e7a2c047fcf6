//! The HTTP upstream: it answers with JSON of what it received, so that one sees what the gateway made of a request.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Of a request's body, so many bytes are shown.
const SHOWN_BODY: usize = 1024;

/// One instance, and how many requests it has had for `/flaky`.
struct Instance {
    name: &'static str,
    flaky: AtomicUsize,
}

/// Serves until aborted.
pub(super) async fn serve(listener: TcpListener, name: &'static str) {
    let instance = Arc::new(Instance { name, flaky: AtomicUsize::new(0) });
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let instance = Arc::clone(&instance);
        let service = service_fn(move |req| {
            let instance = Arc::clone(&instance);
            async move { Ok::<_, Infallible>(answer(&instance, req).await) }
        });
        connections.spawn(async move {
            // A connection that breaks is the gateway's to deal with.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(instance: &Instance, req: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = req.into_parts();
    let (len, shown) = read(body).await;
    let status = match head.uri.path() {
        "/flaky" => instance.flaky_status(),
        _ => StatusCode::OK,
    };
    let echo = json!({
        "upstream": instance.name,
        "status": status.as_u16(),
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "headers": fields(&head.headers),
        "body_bytes": len,
        "body": String::from_utf8_lossy(&shown),
    });
    let mut response = Response::new(Full::from(format!("{echo:#}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl Instance {
    /// Every other request fails, the first one too: a retry is needed, and is enough.
    fn flaky_status(&self) -> StatusCode {
        match self.flaky.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        }
    }
}

/// The body's length and its beginning; what is not shown is not kept.
async fn read(mut body: Incoming) -> (usize, Vec<u8>) {
    let mut len = 0;
    let mut shown = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            len += data.len();
            shown.extend(data.iter().take(SHOWN_BODY - shown.len().min(SHOWN_BODY)));
        }
    }
    (len, shown)
}

fn fields(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut fields = BTreeMap::<_, String>::new();
    for (name, value) in headers {
        let shown = fields.entry(name.as_str()).or_default();
        if !shown.is_empty() {
            shown.push_str(", ");
        }
        shown.push_str(&String::from_utf8_lossy(value.as_bytes()));
    }
    fields
}

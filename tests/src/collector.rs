//! A collector of traces: takes OTLP over HTTP and shows what came.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message as _;
use serde_json::{Map, json};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::listening::{FREE, Listening};
use crate::within;

/// A span as it arrived, its numbers in hexadecimal.
#[derive(Clone, Debug)]
pub struct Collected {
    /// Its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// `SPAN_KIND_SERVER`, `SPAN_KIND_CLIENT` …
    pub kind: &'static str,
    /// Its trace.
    pub trace: String,
    /// Itself.
    pub id: String,
    /// The span it stands below, empty if there is none.
    pub parent: String,
    /// Its `tracestate`.
    pub state: String,
    /// Whether its status is an error.
    pub error: bool,
    /// When it began and ended, nanoseconds since 1970.
    pub time: (u64, u64),
    /// Its attributes.
    pub attributes: Map<String, serde_json::Value>,
}

/// What has come.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Requests, empty ones included.
    exports: usize,
    headers: HeaderMap,
    spans: Vec<Collected>,
}

/// What one does with exports.
#[derive(Clone, Copy)]
enum Does {
    Take,
    Hang,
    Refuse(usize),
}

/// A running collector. Its drop closes the listener and every connection.
pub struct Collector {
    listening: Listening,
    seen: Arc<watch::Sender<Seen>>,
}

impl Collector {
    /// Starts one that takes every span.
    pub async fn start() -> Self {
        Self::doing(Does::Take).await
    }

    /// Starts one that reads and never answers.
    pub async fn start_stuck() -> Self {
        Self::doing(Does::Hang).await
    }

    /// Starts one that answers the first exports 503 and takes nothing of them.
    pub async fn start_refusing(times: usize) -> Self {
        Self::doing(Does::Refuse(times)).await
    }

    async fn doing(does: Does) -> Self {
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let listening = Listening::start(FREE, move |stream| serve(stream, Arc::clone(&shared), does));
        Self { listening: listening.await, seen }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The spans that have come.
    pub fn spans(&self) -> Vec<Collected> {
        self.seen.borrow().spans.clone()
    }

    /// A field of the last export, empty when it is absent.
    pub fn header(&self, name: &str) -> String {
        let seen = self.seen.borrow();
        seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// Waits for so many exports, the empty one at the start included.
    ///
    /// # Panics
    /// When they never come.
    pub async fn exports(&self, count: usize) {
        let mut seen = self.seen.subscribe();
        within("an export", seen.wait_for(|seen| seen.exports >= count)).await.unwrap();
    }
}

async fn serve(stream: TcpStream, seen: Arc<watch::Sender<Seen>>, does: Does) {
    let service = service_fn(|req| take(req, &seen, does));
    // A peer that is gone is the peer's affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn take(
    req: Request<Incoming>,
    seen: &watch::Sender<Seen>,
    does: Does,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = req.into_parts();
    let body = body.collect().await?.to_bytes();
    let posted = head.method == "POST" && head.uri.path() == "/v1/traces";
    let Some(request) = ExportTraceServiceRequest::decode(body).ok().filter(|_| posted) else {
        return Ok(answer(StatusCode::BAD_REQUEST));
    };
    let mut refused = false;
    seen.send_modify(|seen| {
        seen.exports += 1;
        refused = matches!(does, Does::Refuse(times) if seen.exports <= times);
        if !refused {
            seen.headers = head.headers;
            seen.spans.extend(request.resource_spans.iter().flat_map(collected));
        }
    });
    if let Does::Hang = does {
        std::future::pending::<()>().await;
    }
    Ok(answer(if refused { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }))
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn collected(of: &proto::ResourceSpans) -> Vec<Collected> {
    let resource = attributes(&of.resource.as_ref().expect("a resource").attributes);
    let service = resource["service.name"].as_str().unwrap().to_owned();
    let spans = of.scope_spans.iter().flat_map(|scope| &scope.spans);
    spans.map(|span| Collected { service: service.clone(), ..Collected::from(span) }).collect()
}

impl From<&proto::Span> for Collected {
    fn from(span: &proto::Span) -> Self {
        Self {
            service: String::new(),
            name: span.name.clone(),
            kind: span.kind().as_str_name(),
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            state: span.trace_state.clone(),
            error: span
                .status
                .as_ref()
                .is_some_and(|status| status.code() == proto::status::StatusCode::Error),
            time: (span.start_time_unix_nano, span.end_time_unix_nano),
            attributes: attributes(&span.attributes),
        }
    }
}

fn attributes(pairs: &[KeyValue]) -> Map<String, serde_json::Value> {
    let value = |pair: &KeyValue| match pair.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(json!(text)),
        Value::IntValue(number) => Some(json!(number)),
        other => panic!("{other:?}"),
    };
    pairs.iter().map(|pair| (pair.key.clone(), json!(value(pair)))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

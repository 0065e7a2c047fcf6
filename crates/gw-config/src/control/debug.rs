//! `/debug/ctrl/…`: where the client stands, and an order to ask now.

use std::sync::Arc;

use gw_core::{Body, BoxFuture, DebugRequest, DebugResponse, Debuggable, Response, json_page};
use http::header::{ALLOW, HeaderValue};
use http::{Method, StatusCode};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::state::State;

/// An order to ask now, answered with what came of it.
pub(super) type Order = oneshot::Sender<Result<(), String>>;

/// Shows a client on the admin port. To be registered with `POST`.
#[derive(Clone, Debug)]
pub struct ControlDebug {
    pub(super) state: Arc<Mutex<State>>,
    /// At most one waits; a further one is refused.
    pub(super) orders: mpsc::Sender<Order>,
}

impl ControlDebug {
    fn inspect(&self) -> Response {
        let state = self.state.lock().clone();
        match serde_json::to_string_pretty(&state) {
            Ok(state) => json_page(&state),
            Err(error) => text(&error.to_string()),
        }
    }

    async fn load(&self) -> Response {
        let (order, done) = oneshot::channel();
        if self.orders.try_send(order).is_err() {
            return text("another load is waiting, or the gateway stops");
        }
        match done.await {
            Ok(Ok(())) => json_page(&"{}"),
            Ok(Err(error)) => text(&error),
            Err(_) => text("the gateway stops"),
        }
    }
}

impl Debuggable for ControlDebug {
    fn name(&self) -> &'static str {
        "ctrl"
    }

    fn pages(&self) -> &'static [&'static str] {
        &["inspect", "load"]
    }

    fn handle<'a>(&'a self, tail: &'a str, req: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        Box::pin(async move {
            let allowed: &[Method] = match tail {
                "inspect" => &[Method::GET, Method::HEAD],
                "load" => &[Method::POST],
                _ => return None,
            };
            if !allowed.contains(req.method()) {
                return Some(not_allowed(if tail == "load" { "POST" } else { "GET, HEAD" }));
            }
            Some(if tail == "load" { self.load().await } else { self.inspect() })
        })
    }
}

fn text(error: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{error}\n")));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn not_allowed(allow: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

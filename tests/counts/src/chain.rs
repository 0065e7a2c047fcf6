//! A chain of the built-ins that most gateways have, around a client that answers at once.

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use gw_core::{Body, Clock, EndpointInfo, RequestContext, Response};
use gw_middleware::{BuildContext, Chain, Registry, client_fn};
use gw_value::Options;

use crate::Thing;
use crate::asked;

pub(crate) fn thing() -> Thing {
    let endpoint = Arc::new(EndpointInfo::default());
    let cx = BuildContext::alone(Arc::clone(&endpoint), Clock::system());
    let registry = Registry::built_in();
    let build = |name| registry.get(name).unwrap().build(&Options::none(), &cx).unwrap();
    let answer = client_fn(|_| async { Ok(Response::new(Body::empty())) });
    let refused = Arc::new(|_: &_, _: Option<&_>| Response::new(Body::empty()));
    let chain = Chain::new(["logging", "request_id", "cors"].map(build).to_vec(), Arc::new(answer), refused);
    let (fields, conn, now) = (asked::fields(), asked::connection(), Instant::now());
    Box::new(move |_| {
        let mut request = asked::request(&fields);
        let (conn, endpoint) = (Arc::clone(&conn), Arc::clone(&endpoint));
        let cx = RequestContext::new(Arc::clone(&conn), conn.peer_ip(), endpoint, now);
        request.extensions_mut().insert(Arc::new(cx));
        let response = chain.run(request).now_or_never().unwrap();
        assert_eq!(response.status(), 200);
    })
}

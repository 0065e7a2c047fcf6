//! The header pass of a request and of its answer; a copy of the fields is counted with it.

use std::hint::black_box;

use http::Version;

use crate::Thing;
use crate::asked;

/// By its source, since gw-proxy shows it to nobody.
#[rustfmt::skip]
#[path = "../../../crates/gw-proxy/src/headers.rs"]
#[expect(dead_code, reason = "the client's address is asked for elsewhere")]
mod headers;

pub(crate) fn thing() -> Thing {
    let (fields, conn) = (asked::fields(), asked::connection());
    Box::new(move |_| {
        let mut upstream = fields.clone();
        let seen = headers::Seen::of(black_box(&upstream));
        let (host, names) = (seen.host.cloned(), seen.names);
        drop(seen);
        let hop = headers::strip_request(&mut upstream, names, Version::HTTP_11, conn.trusts_peer());
        headers::add_own(&mut upstream, &hop, &conn, host.as_ref());
        headers::strip_response(black_box(&mut upstream), None);
        black_box(upstream);
    })
}

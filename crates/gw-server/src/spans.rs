//! The spans of a connection and of a request, so that the lines of one can be told from those of all others.
//!
//! They are made at debug level alone: below it, a span is nothing and its fields are not computed. What a client sends
//! is cut to a bound, and no target, query or credential is in there.

use std::net::SocketAddr;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use tracing::Span;
use tracing::field::Empty;

/// The longest method there is to see.
const METHOD: usize = 32;
/// As long as a name may be (RFC 1035 §2.3.4).
const NAME: usize = 255;

/// The span of a connection.
pub(crate) fn connection(peer: SocketAddr, local: SocketAddr) -> Span {
    tracing::debug_span!("conn", client.addr = %peer, server.addr = %local)
}

/// The span of a request, below its connection's. Who finds its route records `http.route`.
pub(crate) fn request(connection: &Span, head: &Parts) -> Span {
    tracing::debug_span!(
        parent: connection,
        "request",
        http.request.method = cut(head.method.as_str(), METHOD),
        http.route = Empty,
        server.address = cut(host(head).as_ref().map_or("", Authority::host), NAME),
    )
}

/// The authority that was asked for. Of it, the host alone is of interest: before it may stand a password.
fn host(head: &Parts) -> Option<Authority> {
    let field = || Authority::try_from(head.headers.get(HOST)?.as_bytes()).ok();
    head.uri.authority().cloned().or_else(field)
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..most).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::io::{Result, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::level_filters::LevelFilter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0.lock().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// What a line in a request's span says.
    fn line(level: LevelFilter, request: http::Request<()>) -> String {
        let lines = Lines::default();
        let to = lines.clone();
        let log = tracing_subscriber::fmt().with_max_level(level).with_ansi(false).without_time();
        let log = log.with_target(false).with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(log, || {
            let any = SocketAddr::from(([192, 0, 2, 1], 7));
            let span = super::request(&connection(any, any), &request.into_parts().0);
            assert_eq!(span.is_disabled(), level < LevelFilter::DEBUG);
            span.record("http.route", "/a/*");
            span.in_scope(|| tracing::info!("seen"));
        });
        String::from_utf8(lines.0.lock().clone()).unwrap()
    }

    #[test]
    fn a_request_is_told_by_its_connection_method_route_and_host() {
        let request = http::Request::get("/a/b?secret=1").header("host", "shop.test:8080").body(()).unwrap();
        let spans = "conn{client.addr=192.0.2.1:7 server.addr=192.0.2.1:7}:\
                     request{http.request.method=\"GET\" server.address=\"shop.test\" http.route=\"/a/*\"}";
        assert_eq!(line(LevelFilter::DEBUG, request.clone()), format!(" INFO {spans}: seen\n"));
        assert_eq!(line(LevelFilter::INFO, request), " INFO seen\n");
    }

    #[test]
    fn what_a_client_sends_is_bounded_and_without_credentials() {
        let method = http::Method::from_bytes(&[b'X'; 1000]).unwrap();
        let uri = format!("http://me:secret@{}.test/", "n".repeat(1000));
        let request = http::Request::builder().method(method).uri(uri).body(()).unwrap();
        let line = line(LevelFilter::DEBUG, request);
        assert!(line.len() < 500 && !line.contains("secret"), "{line}");
    }
}

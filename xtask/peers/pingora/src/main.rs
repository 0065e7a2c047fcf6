//! `bench-pingora PORT ORIGIN LOG`: a proxy of one thread with forwarding fields and a log whose lines have what ours
//! has, written as seldom.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use pingora::http::RequestHeader;
use pingora::prelude::*;
use pingora::server::configuration::ServerConf;

struct Forward {
    origin: String,
    log: Mutex<BufWriter<File>>,
}

#[async_trait]
impl ProxyHttp for Forward {
    type CTX = Instant;

    fn new_ctx(&self) -> Instant {
        Instant::now()
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut Instant) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.origin.as_str(), false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        _: &mut Instant,
    ) -> Result<()> {
        if let Some(client) = session.client_addr().and_then(|client| client.as_inet()) {
            request.insert_header("X-Forwarded-For", client.ip().to_string())?;
        }
        request.insert_header("X-Forwarded-Proto", "http")?;
        if let Some(host) = request.headers.get("Host").cloned() {
            request.insert_header("X-Forwarded-Host", host)?;
        }
        Ok(())
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, start: &mut Instant) {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
        let field = |name: &str| {
            session.req_header().headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let mut log = self.log.lock().unwrap();
        let _ = writeln!(
            log,
            "{{\"timestamp\":{seconds:.3},\"client\":\"{}\",\"method\":\"{}\",\"path\":\"{}\",\"host\":\"{}\",\
             \"status\":{},\"bytes_out\":{},\"duration\":{:.6},\"upstream\":\"{}\",\"agent\":\"{}\",\"failed\":{}}}",
            session.client_addr().map(ToString::to_string).unwrap_or_default(),
            session.req_header().method,
            session.req_header().uri.path(),
            field("host"),
            session.response_written().map_or(0, |response| response.status.as_u16()),
            session.body_bytes_sent(),
            start.elapsed().as_secs_f64(),
            self.origin,
            field("user-agent"),
            error.is_some(),
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, origin, log] = arguments.as_slice() else { panic!("usage: bench-pingora PORT ORIGIN LOG") };
    let log = Mutex::new(BufWriter::with_capacity(64 << 10, File::create(log).unwrap()));
    let forward = Forward { origin: format!("127.0.0.1:{origin}"), log };
    let conf = ServerConf { threads: 1, upstream_keepalive_pool_size: 512, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, forward);
    service.add_tcp(&format!("127.0.0.1:{port}"));
    server.add_service(service);
    server.run_forever();
}

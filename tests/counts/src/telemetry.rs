//! What a request leaves behind: its metrics, and its line in the access log.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use gw_core::{Attempt, Outcome};
use gw_telemetry::{AccessLog, AccessRecord, BuildInfo, Finished, LogFormat, Metrics, RouteNames};
use http::Method;

use crate::Thing;

pub(crate) fn metrics() -> Thing {
    let series = Metrics::new(1, BuildInfo::default()).route("/orders/{id}", "orders");
    Box::new(move |_| {
        let in_flight = series.begin(0);
        series.record(
            0,
            black_box(&Finished {
                method: &Method::GET,
                status: Some(200),
                outcome: Outcome::Ok,
                protocol: "1.1",
                seconds: 0.012,
                request_bytes: 0,
                response_bytes: 13,
            }),
        );
        drop(in_flight);
    })
}

/// In JSON; the thread that writes is counted as well, and writes nowhere.
pub(crate) fn access_log() -> Thing {
    let log = AccessLog::start(Box::new(std::io::sink()), LogFormat::Json, 1).unwrap();
    let client = Ipv4Addr::new(192, 0, 2, 1);
    let attempts = [Attempt {
        node: "10.0.0.1:80".into(),
        status: Some(200),
        outcome: Outcome::Ok,
        elapsed: Duration::from_micros(1234),
    }];
    let names = RouteNames::new("/orders/{id}", "orders");
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    Box::new(move |time| {
        log.record(
            0,
            black_box(&AccessRecord {
                time: start + Duration::from_millis(time as u64),
                client: IpAddr::V4(client),
                peer: SocketAddr::from((client, 50_000)),
                peer_text: Some(b"192.0.2.1"),
                listener: "counted",
                method: "GET",
                scheme: "http",
                host: Some(b"bench.example"),
                path: "/orders/7",
                query: Some("q=1"),
                protocol: "1.1",
                names: &names,
                status: Some(200),
                outcome: Outcome::Ok,
                request_bytes: 0,
                response_bytes: 13,
                total: Duration::from_micros(1234),
                first_byte: Some(Duration::from_micros(1200)),
                attempts: &attempts,
                user_agent: Some(b"Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36"),
                request_id: Some(b"01a20012-a494-7302-aa5a-9860745342bf"),
                trace_id: None,
            }),
        );
    })
}

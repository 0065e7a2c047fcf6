//! The Go gateway's lines.

use super::*;

#[track_caller]
fn check(record: &AccessRecord<'_>, expect: &str) {
    let sink = Shared::default();
    let log = AccessLog::start(Box::new(sink.clone()), LogFormat::Kratos, 1).unwrap();
    log.record(0, record);
    assert!(log.shutdown(LIMIT));
    assert_eq!(sink.text(), format!("{expect}\n"));
}

fn attempt(node: &str, status: Option<u16>, outcome: Outcome) -> Attempt {
    Attempt { node: node.into(), status, outcome, elapsed: Duration::from_millis(10) }
}

#[test]
fn a_request_with_its_attempts() {
    let attempts = [
        attempt("10.0.0.1:80", None, Outcome::ConnectRefused),
        attempt("10.0.0.2:80", Some(200), Outcome::Ok),
    ];
    check(
        &AccessRecord { attempts: &attempts, ..record() },
        "INFO source=accesslog host=shop.example method=GET scheme=https path=/items/1 query=page=2&api_key=REDACTED \
         code=200 error= latency=0.012300 backend=10.0.0.1:80,10.0.0.2:80 backend_code=[502 200] \
         backend_latency=[0.010000 0.010000] last_attempt=true",
    );
}

#[test]
fn a_client_that_left_before_the_answer() {
    let (status, outcome) = (None, Outcome::ClientClosed);
    check(
        &AccessRecord { status, outcome, query: None, ..record() },
        "ERROR source=accesslog host=shop.example method=GET scheme=https path=/items/1 query= code=499 \
         error=client_closed latency=0.012300 backend= backend_code=[] backend_latency=[] last_attempt=true",
    );
}

#[test]
fn requests_without_a_route() {
    let (status, outcome) = (Some(404), Outcome::NoRoute);
    check(
        &AccessRecord { status, outcome, query: None, user_agent: Some(b"curl/8"), ..record() },
        "ERROR source=accesslog host=shop.example method=GET path=/items/1 query= user_agent=curl/8 code=404 error=no_route",
    );
}

#[test]
fn no_line_and_no_field_can_be_forged() {
    let forged = "x\nINFO source=accesslog code=200";
    let sink = Shared::default();
    let log = AccessLog::start(Box::new(sink.clone()), LogFormat::Kratos, 1).unwrap();
    let host = Some(&b"a code=200"[..]);
    let (query, text) = (Some(forged), Some(forged.as_bytes()));
    log.record(0, &AccessRecord { path: forged, method: forged, host, query, user_agent: text, ..record() });
    log.record(0, &AccessRecord { user_agent: text, outcome: Outcome::NoRoute, status: None, ..record() });
    assert!(log.shutdown(LIMIT));
    let text = sink.text();
    assert_eq!(text.lines().count(), 2, "{text}");
    for line in text.lines() {
        // Fields as a reader that knows quotes sees them.
        let mut quoted = false;
        let outside: String = line
            .replace("\\\"", "")
            .chars()
            .filter(|c| {
                quoted ^= *c == '"';
                !quoted
            })
            .collect();
        assert_eq!(outside.matches(" code=").count(), 1, "{line}");
    }
}

//! Whoever records meets no lock that a scrape holds.

use std::sync::mpsc::channel;

use super::*;

const DROPS: CounterFamily =
    CounterFamily { name: "gateway_test_drops_total", help: "Drops.", labels: &["endpoint"] };
/// How long a test waits for what must happen; only a failing test gets there.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_scrape_holds_up_nobody_who_records() {
    let metrics = metrics(1);
    let (route, upstream, drops) =
        (metrics.route("/", "a"), metrics.upstream("a"), metrics.counter(&DROPS, &["a"]));
    let recording = Arc::downgrade(&metrics);
    // Asked in the middle of a scrape, with all that it has locked.
    metrics.watch_connections(move || {
        let (route, upstream, drops) = (Arc::clone(&route), Arc::clone(&upstream), Arc::clone(&drops));
        let metrics = recording.upgrade().unwrap();
        let (tell, told) = channel();
        thread::spawn(move || {
            drop(route.begin(0));
            route.record(0, &ok(&Method::GET, 0.1));
            upstream.record_attempt(0, &Method::GET, Some(200), Outcome::Ok, 0.1);
            upstream.record_retry(0, &Method::GET, RetryResult::Success);
            drops.add(0, 1);
            metrics.rejected(0, Outcome::ClientMalformed);
            tell.send(())
        });
        let count = u64::from(told.recv_timeout(PATIENCE).is_ok());
        vec![ConnectionCount { listener: "web".into(), state: "active", count }]
    });
    let labels = [("listener", "web"), ("state", "active")];
    Scraped::of(&metrics).check("gateway_connections", &labels, 1.0);
    Scraped::of(&metrics).check(DROPS.name, &[("endpoint", "a")], 2.0);
}

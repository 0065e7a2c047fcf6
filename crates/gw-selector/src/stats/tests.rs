//! The averages against values computed by hand.

use super::*;

const MS: Duration = Duration::from_millis(1);
/// The original's, not ours: the averages have to decay as there.
const TAU: Duration = Duration::from_millis(600);

/// Statistics, and a clock of their own.
struct Fixture {
    stats: NodeStats,
    now: Instant,
}

impl Fixture {
    fn new() -> Self {
        Self { stats: NodeStats::default(), now: Instant::now() }
    }

    fn after(&mut self, wait: Duration) -> &mut Self {
        self.now += wait;
        self
    }

    fn succeed(&mut self, latency: Duration) -> &mut Self {
        self.stats.succeeded(self.now, latency);
        self
    }

    fn fail(&mut self, latency: Option<Duration>) -> &mut Self {
        self.stats.failed(self.now, latency);
        self
    }

    #[track_caller]
    fn check(&mut self, latency: Option<f64>, success: f64) -> &mut Self {
        let seen = self.stats.snapshot();
        let seen_latency = seen.latency.map(|latency| latency.as_secs_f64() * 1e3);
        let close = match (seen_latency, latency) {
            (Some(seen), Some(expect)) => (seen - expect).abs() < 0.01 * expect,
            (seen, expect) => seen == expect,
        };
        assert!(close, "{seen_latency:?} ms, expected {latency:?}");
        assert!((seen.success - success).abs() < 0.01, "success {}, expected {success}", seen.success);
        self
    }
}

#[test]
fn nothing_is_known_at_first() {
    Fixture::new().check(None, 1.0);
}

#[test]
fn the_first_answer_is_taken_as_it_is() {
    Fixture::new().succeed(20 * MS).check(Some(20.0), 1.0);
}

#[test]
fn a_peak_counts_at_once_and_decays_with_time() {
    let mut node = Fixture::new();
    node.succeed(10 * MS).after(MS).succeed(100 * MS).check(Some(100.0), 1.0);
    node.after(TAU).succeed(10 * MS).check(Some(10.0 + 90.0 * 0.368), 1.0);
    node.after(10 * TAU).succeed(10 * MS).check(Some(10.0), 1.0);
}

#[test]
fn decay_depends_on_time_and_not_on_the_number_of_answers() {
    let (mut few, mut many) = (Fixture::new(), Fixture::new());
    few.succeed(100 * MS).after(TAU).succeed(10 * MS);
    many.succeed(100 * MS);
    for _ in 0..600 {
        many.after(TAU / 600).succeed(10 * MS);
    }
    let expect = 10.0 + 90.0 * 0.368;
    few.check(Some(expect), 1.0);
    many.check(Some(expect), 1.0);
}

#[test]
fn failures_lower_success_and_time_with_answers_raises_it() {
    let mut node = Fixture::new();
    node.succeed(10 * MS).after(TAU).fail(Some(10 * MS)).check(Some(10.0), 0.368);
    node.after(TAU).succeed(10 * MS).check(Some(10.0), 1.0 - 0.632 * 0.368);
}

#[test]
fn a_failure_may_raise_the_latency_and_never_lowers_it() {
    let mut node = Fixture::new();
    node.succeed(50 * MS).after(10 * TAU).fail(Some(MS)).check(Some(50.0), 0.0);
    node.fail(None).check(Some(50.0), 0.0);
    node.fail(Some(1000 * MS)).check(Some(1000.0), 0.0);
}

#[test]
fn a_failure_is_no_measure_of_latency() {
    Fixture::new().fail(Some(MS)).check(None, 0.0);
}

#[test]
fn an_answer_without_latency_is_still_a_measure() {
    let mut node = Fixture::new();
    node.succeed(Duration::ZERO);
    assert_eq!(node.stats.snapshot().latency, Some(Duration::from_nanos(1)));
}

#[test]
fn reports_out_of_order_do_not_reach_into_the_future() {
    let mut node = Fixture::new();
    node.after(TAU).succeed(10 * MS);
    node.now -= TAU;
    node.fail(None).check(Some(10.0), 1.0);
    node.after(TAU).fail(None).check(Some(10.0), 1.0);
}

#[test]
fn a_node_is_idle_until_it_is_picked_and_again_after_the_gap() {
    let mut node = Fixture::new();
    let gap = Duration::from_secs(3);
    assert!(node.stats.is_idle(node.now, gap), "never picked");
    node.stats.begin(node.now);
    assert!(!node.stats.is_idle(node.now, gap));
    node.after(gap);
    assert!(!node.stats.is_idle(node.now, gap));
    node.after(MS);
    assert!(node.stats.is_idle(node.now, gap));
    node.stats.begin(node.now);
    assert!(!node.stats.is_idle(node.now, gap));
    assert_eq!(node.stats.in_flight(), 2);
}

#[test]
fn one_probe_at_a_time() {
    let stats = NodeStats::default();
    assert!(stats.start_probe());
    assert!(!stats.start_probe());
    stats.end_probe();
    assert!(stats.start_probe());
}

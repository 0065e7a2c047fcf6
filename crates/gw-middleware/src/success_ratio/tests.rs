//! The window against an oracle that remembers every request.

use super::*;
use proptest::prelude::*;

const THREE_SECONDS: SuccessRatio =
    SuccessRatio { success: 0.8, request: 10, bucket: 10, window: Duration::from_secs(3) };

#[test]
fn failing_requests_are_stopped_and_time_forgets_them() {
    let now = Instant::now();
    let breaker = SuccessRatioBreaker::new(THREE_SECONDS, now);
    for _ in 0..9 {
        breaker.note(now, false);
    }
    assert!(breaker.allows(now, || 0.0), "nine are too few to judge");
    breaker.note(now, false);
    assert!(!breaker.allows(now, || 0.5), "ten failures of ten");
    assert!(breaker.allows(now, || 0.95), "a few always pass: 10/11 are refused");
    assert!(!breaker.allows(now + Duration::from_millis(2_600), || 0.5));
    assert!(breaker.allows(now + Duration::from_secs(3), || 0.5), "the window is 3 s");
}

#[test]
fn requests_that_mostly_succeed_go_on() {
    let now = Instant::now();
    let breaker = SuccessRatioBreaker::new(THREE_SECONDS, now);
    for index in 0..100 {
        breaker.note(now, index % 10 != 0);
    }
    assert!(breaker.allows(now, || panic!("no dice are thrown")));
}

#[test]
fn workers_count_together() {
    let now = Instant::now();
    let window = Window::new(4, Duration::from_millis(400), now);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let window = &window;
            scope.spawn(move || {
                for step in 0..10_000_u64 {
                    window.note(now + Duration::from_micros(step * 30), worker % 2 == 0);
                }
            });
        }
    });
    // 300 ms went by: nothing is older than the window, so nothing is lost.
    assert_eq!(window.sums(now + Duration::from_millis(300)), (20_000, 40_000));
    assert_eq!(window.sums(now + Duration::from_millis(1_000)), (0, 0), "and all is forgotten");
}

proptest! {
    /// The oracle keeps every request with its time, and looks at all that are in the current bucket or in one of the
    /// `buckets - 1` before it.
    #[test]
    fn the_window_holds_what_the_last_buckets_saw(
        buckets in 1_u32..12,
        bucket_ms in 1_u64..50,
        steps in prop::collection::vec((0_u64..200, any::<bool>(), any::<bool>()), 0..200),
    ) {
        let start = Instant::now();
        let length = Duration::from_millis(bucket_ms) * buckets;
        let window = Window::new(buckets, length, start);
        let (mut at, mut seen) = (0, Vec::new());
        for (wait, noted, success) in steps {
            at += wait;
            let now = start + Duration::from_millis(at);
            if noted {
                window.note(now, success);
                seen.push((at / bucket_ms, success));
            }
            let oldest = (at / bucket_ms + 1).saturating_sub(u64::from(buckets));
            let held: Vec<_> = seen.iter().filter(|(bucket, _)| *bucket >= oldest).collect();
            let accepted = held.iter().filter(|(_, success)| *success).count();
            prop_assert_eq!(window.sums(now), (accepted as u32, held.len() as u32));
        }
    }

    /// The share is the formula's, and never all: something passes always.
    #[test]
    fn the_share_follows_the_successes(good in 0_u32..500, bad in 0_u32..500, success in 0.01_f64..=1.0) {
        let now = Instant::now();
        let ratio = SuccessRatio { success, request: 10, ..SuccessRatio::default() };
        let breaker = SuccessRatioBreaker::new(ratio, now);
        for index in 0..good + bad {
            breaker.note(now, index < good);
        }
        let total = f64::from(good + bad);
        let expect = (total - f64::from(good) / success) / (total + 1.0);
        let expect = if good + bad < 10 || expect < 0.0 { 0.0 } else { expect };
        prop_assert!((breaker.refused_share(now) - expect).abs() < 1e-9);
        prop_assert!(breaker.allows(now, || 0.999_999));
    }
}

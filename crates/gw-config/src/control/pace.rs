//! When the service is asked again.

use std::time::Duration;

/// After an answer.
const AGAIN: Duration = Duration::from_secs(5);
/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// After many.
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after `failures` in a row: 5 s after none, else 1 s doubled up to 60 s, of which `random` takes up to a half
/// away, so that gateways that failed together do not come back together.
pub(super) fn pause(failures: u32, random: u64) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return AGAIN };
    let longest = FIRST.saturating_mul(1 << doublings.min(6)).min(LONGEST);
    let half = longest / 2;
    let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
    half + Duration::from_nanos(random % (nanos + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_slow_down_up_to_a_minute() {
        for (failures, least, most) in
            [(0, 5_000, 5_000), (1, 500, 1_000), (2, 1_000, 2_000), (6, 16_000, 32_000), (7, 30_000, 60_000)]
        {
            for random in [0, 1, 123_456_789, u64::MAX / 3, u64::MAX] {
                let pause = pause(failures, random).as_millis();
                assert!((least..=most).contains(&pause), "{failures} {random}: {pause}");
            }
        }
        assert_eq!(pause(7, 0), pause(u32::MAX, 0));
    }
}

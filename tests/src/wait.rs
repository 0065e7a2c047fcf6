//! Waiting for what a test needs to have happened.

use std::time::Duration;

/// Far longer than anything in a test takes, on a loaded machine with a debug build: only a hang lasts as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The value of `future`.
///
/// # Panics
/// When it hangs; `what` says what never happened.
#[track_caller]
pub fn within<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(value) => value,
            Err(_) => panic!("{place}: never happened: {what}"),
        }
    }
}

/// Waits until `read` stops growing, or has passed `limit`, and returns its value.
///
/// That something does not happen can only be watched for a while: on a very slow machine this may end early and hide
/// a fault, but it never invents one.
pub async fn settled(limit: u64, mut read: impl FnMut() -> u64) -> u64 {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let mut last = read();
    let mut still = 0;
    while still < 10 && last <= limit {
        ticks.tick().await;
        let now = read();
        still = if now == last && now > 0 { still + 1 } else { 0 };
        last = now;
    }
    last
}

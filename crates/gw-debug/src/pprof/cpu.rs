//! CPU profiles of the whole process, one at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gw_core::{BoxError, Response};
use http::StatusCode;
use pprof::protos::Message;
use tokio::sync::oneshot;

use crate::text;

/// Samples per second; a prime, so that it does not keep step with what the process does every 10 ms.
const FREQUENCY: i32 = 97;
/// The longest profile, in seconds.
const LONGEST: u64 = 60;

/// Makes CPU profiles.
#[derive(Default)]
pub(super) struct Profiler {
    busy: Arc<AtomicBool>,
}

/// The right to profile; given back when dropped.
struct Turn(Arc<AtomicBool>);

impl Profiler {
    /// Profiles for as long as the query says.
    pub(super) async fn profile(&self, query: &str) -> Response {
        let seconds = match seconds(query) {
            Ok(seconds) => seconds,
            Err(reason) => return text(StatusCode::BAD_REQUEST, reason),
        };
        let Some(turn) = self.turn() else {
            return text(StatusCode::CONFLICT, "a profile is being taken; one at a time\n");
        };
        match take(seconds, turn).await {
            Ok(profile) => super::file(profile, "attachment; filename=\"profile.pb\""),
            Err(error) => {
                tracing::error!(%error, "no CPU profile");
                text(StatusCode::INTERNAL_SERVER_ERROR, format!("no profile could be taken: {error}\n"))
            }
        }
    }

    fn turn(&self) -> Option<Turn> {
        let free = self.busy.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok();
        free.then(|| Turn(Arc::clone(&self.busy)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Profiles, and writes the profile down on a thread of its own: to resolve symbols takes seconds of CPU.
async fn take(seconds: u64, turn: Turn) -> Result<Vec<u8>, BoxError> {
    // These are not safe to unwind in a signal handler.
    let blocked = ["libc", "libgcc", "pthread", "vdso"];
    let guard = pprof::ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&blocked).build()?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (tell, written) = oneshot::channel();
    std::thread::Builder::new().name("gw-profile".to_owned()).spawn(move || {
        let profile = guard.report().build().and_then(|report| report.pprof());
        drop((guard, turn));
        // Nobody may be waiting any more.
        drop(tell.send(profile.map(|profile| profile.encode_to_vec())));
    })?;
    Ok(written.await??)
}

fn seconds(query: &str) -> Result<u64, String> {
    let given = query.split('&').find_map(|pair| pair.strip_prefix("seconds="));
    let Some(given) = given else { return Ok(30) };
    let seconds = given.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
    seconds.ok_or_else(|| format!("seconds={given}: write a number from 1 to {LONGEST}\n"))
}

//! Heap profiles, by jemalloc's sampling.

use gw_core::Response;
use http::StatusCode;

use crate::text;

/// The heap as it is now.
pub(super) async fn profile() -> Response {
    let Some(control) = jemalloc_pprof::PROF_CTL.as_ref() else {
        return super::missing(
            "heap sampling is off; start with _RJEM_MALLOC_CONF=prof:true,prof_active:true",
        );
    };
    match control.lock().await.dump_pprof() {
        Ok(profile) => super::file(profile, "attachment; filename=\"heap.pb.gz\""),
        Err(error) => {
            tracing::error!(%error, "no heap profile");
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("no profile could be taken: {error}\n"))
        }
    }
}

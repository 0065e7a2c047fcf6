//! Heap profiles, by jemalloc's sampling, one after another.

use std::sync::Arc;

use gw_core::{BoxError, Response};
use http::StatusCode;
use jemalloc_pprof::JemallocProfCtl;
use tokio::sync::{Mutex, oneshot};

use crate::text;

/// The heap as it is now.
pub(super) async fn profile() -> Response {
    let Some(control) = jemalloc_pprof::PROF_CTL.as_ref() else {
        return super::missing("heap sampling is off; start with MALLOC_CONF=prof:true,prof_active:true");
    };
    match take(Arc::clone(control)).await {
        Ok(profile) => super::file(profile, "attachment; filename=\"heap.pb.gz\""),
        Err(error) => {
            tracing::error!(%error, "no heap profile");
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("no profile could be taken: {error}\n"))
        }
    }
}

/// Takes the profile on a thread of its own: to resolve symbols takes seconds of CPU.
async fn take(control: Arc<Mutex<JemallocProfCtl>>) -> Result<Vec<u8>, BoxError> {
    let mut control = control.lock_owned().await;
    let (tell, written) = oneshot::channel();
    std::thread::Builder::new().name("gw-profile".to_owned()).spawn(move || {
        // Nobody may be waiting any more.
        drop(tell.send(control.dump_pprof().map_err(|error| error.to_string())));
    })?;
    Ok(written.await??)
}

//! Makes `tracing`, and owns the tasks that send spans.

use std::sync::Arc;

use futures_util::future::join_all;
use gw_core::BoxFuture;
use gw_middleware::{BuildContext, BuildError, Middleware, MiddlewareFactory};
use gw_value::Options;
use parking_lot::Mutex;

use crate::exporter::{Exporters, Task};
use crate::options::Settings;
use crate::queue::Flush;
use crate::requests::Requests;
use crate::trace::Tracer;

/// Makes `tracing`.
///
/// It reads no `OTEL_*` variables: what a gateway does stands in its configuration.
#[derive(Default)]
pub struct Factory {
    /// Those that have not ended.
    tasks: Mutex<Vec<Task>>,
}

impl Factory {
    fn keep(&self, task: Task) {
        let mut tasks = self.tasks.lock();
        tasks.retain(|task| !task.flush.is_over());
        tasks.push(task);
    }
}

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        "tracing"
    }

    fn build(&self, options: &Options, cx: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        let settings = Settings::decode(options, cx.gateway())?;
        let exporters = cx.shared(Exporters::default);
        let got = exporters.get(&settings.target, cx).map_err(|error| BuildError::Failed(error.into()));
        let (exporter, task) = got?;
        task.into_iter().for_each(|task| self.keep(task));
        let tracer =
            Tracer { ratio: settings.ratio, clock: cx.clock().clone(), exporter, _exporters: exporters };
        Ok(Arc::new(Requests(Arc::new(tracer))))
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let asked: Vec<Flush> = self.tasks.lock().iter().map(|task| task.flush.clone()).collect();
            join_all(asked.iter().map(Flush::flush)).await;
        })
    }
}

impl std::fmt::Debug for Factory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Factory").field("tasks", &self.tasks.lock().len()).finish()
    }
}

//! `/debug/config/…`: the configuration that is served, with its secrets blacked out.

use std::sync::Arc;

use gw_config::FileLoader;
use gw_core::{BoxFuture, DebugRequest, DebugResponse, Debuggable, Response, json_page};
use http::StatusCode;
use serde_json::json;
use tokio::sync::{Mutex, oneshot};

use crate::{Compiler, Proxy};

/// Shows the configuration on the admin port.
pub struct ConfigDebug {
    proxy: Arc<Proxy>,
    loader: Option<FileLoader>,
    compiler: Compiler,
    /// The right to read the configuration.
    turn: Arc<Mutex<()>>,
}

impl ConfigDebug {
    /// Shows what `proxy` serves, and what `loader` would load and `compiler` lower; without a loader, what is served.
    pub fn new(proxy: Arc<Proxy>, loader: Option<FileLoader>, compiler: Compiler) -> Self {
        Self { proxy, loader, compiler, turn: Arc::default() }
    }

    /// Where the configuration came from.
    fn inspect(&self) -> Response {
        let loaded = self.proxy.loaded();
        let document = loaded.as_ref().map(|loaded| &loaded.document);
        let priority: serde_json::Map<_, _> = document
            .into_iter()
            .flat_map(|document| document.attached())
            .map(|file| (file_name(file.name()), file.sha256().into()))
            .collect();
        json_page(&json!({
            "confPath": document.map(|document| document.name()),
            "confSha256": document.map(|document| document.sha256()),
            "priorityConfigHash": priority,
            "generation": self.proxy.generation(),
            "draining": self.proxy.draining(),
        }))
    }

    fn version(&self) -> Response {
        json_page(&json!({ "version": self.proxy.loaded().map(|loaded| loaded.gateway.version.clone()) }))
    }

    /// The configuration, one at a time and on a thread of its own: with thousands of endpoints it takes seconds of CPU.
    async fn load(&self) -> Response {
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else {
            return plain(
                StatusCode::CONFLICT,
                "the configuration is being read; one at a time\n".to_owned(),
            );
        };
        let (proxy, loader, compiler) = (Arc::clone(&self.proxy), self.loader.clone(), self.compiler.clone());
        let (tell, made) = oneshot::channel();
        let thread = std::thread::Builder::new().name("gw-config-load".to_owned()).spawn(move || {
            let page = match loader {
                Some(loader) => would_load(&loader, &compiler),
                None => {
                    json_page(&proxy.loaded().map(|served| gw_config::redacted(&served)).unwrap_or_default())
                }
            };
            drop(turn);
            // Nobody may be waiting any more.
            drop(tell.send(page));
        });
        let page = match thread {
            Ok(_) => made.await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        page.unwrap_or_else(|error| {
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("the configuration could not be read: {error}\n"),
            )
        })
    }
}

/// Reads the file again, without serving it: what a reload would see.
fn would_load(loader: &FileLoader, compiler: &Compiler) -> Response {
    let lowered = loader.load().map(Arc::new).and_then(|loaded| {
        compiler.compile(Arc::clone(&loaded))?;
        Ok(loaded)
    });
    match lowered {
        Ok(loaded) => json_page(&gw_config::redacted(&loaded)),
        Err(diagnostics) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{diagnostics}\n")),
    }
}

fn plain(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
}

/// A priority file's name alone, as the original shows it.
fn file_name(path: &str) -> String {
    std::path::Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.display().to_string())
}

impl Debuggable for ConfigDebug {
    fn name(&self) -> &'static str {
        "config"
    }

    fn pages(&self) -> &'static [&'static str] {
        &["inspect", "load", "version"]
    }

    fn handle<'a>(&'a self, tail: &'a str, _: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        Box::pin(async move {
            Some(match tail {
                "inspect" => self.inspect(),
                "load" => self.load().await,
                "version" => self.version(),
                _ => return None,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use gw_config::FeatureGates;
    use gw_core::Clock;
    use gw_middleware::{Registry, Surroundings};
    use gw_telemetry::{BuildInfo, Metrics};

    use super::*;

    #[tokio::test]
    async fn the_configuration_is_read_by_one_at_a_time() {
        let compiler = Compiler {
            registry: Registry::built_in(),
            strict_slash: false,
            surroundings: Surroundings::alone(Clock::system()),
            gates: FeatureGates::default(),
        };
        let proxy = Proxy::builder(1, Metrics::new(1, BuildInfo::default())).build();
        let loader = FileLoader::new("/nothing/here.toml");
        let debug = ConfigDebug::new(proxy, Some(loader), compiler);
        let reading = Arc::clone(&debug.turn).try_lock_owned().unwrap();
        assert_eq!(debug.load().await.status(), StatusCode::CONFLICT);
        drop(reading);
        for _ in 0..2 {
            assert_eq!(debug.load().await.status(), StatusCode::INTERNAL_SERVER_ERROR, "there is no file");
        }
    }
}

//! `/debug/config/…`: the configuration that is served, with its secrets blacked out.

use std::sync::Arc;

use gw_config::FileLoader;
use gw_core::{BoxFuture, DebugRequest, DebugResponse, Debuggable, Response, json_page};
use http::StatusCode;
use serde_json::json;

use crate::{Compiler, Proxy};

/// Shows the configuration on the admin port.
pub struct ConfigDebug {
    proxy: Arc<Proxy>,
    loader: Option<FileLoader>,
    compiler: Compiler,
}

impl ConfigDebug {
    /// Shows what `proxy` serves, and what `loader` would load and `compiler` lower; without a loader, what is served.
    pub fn new(proxy: Arc<Proxy>, loader: Option<FileLoader>, compiler: Compiler) -> Self {
        Self { proxy, loader, compiler }
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

    /// Reads the file again, without serving it: what a reload would see.
    fn load(&self) -> Response {
        let Some(loader) = &self.loader else {
            let served = self.proxy.loaded().map(|loaded| gw_config::redacted(&loaded));
            return json_page(&served.unwrap_or_default());
        };
        let lowered = loader.load().map(Arc::new).and_then(|loaded| {
            self.compiler.compile(Arc::clone(&loaded))?;
            Ok(loaded)
        });
        match lowered {
            Ok(loaded) => json_page(&gw_config::redacted(&loaded)),
            Err(diagnostics) => {
                let mut response = Response::new(format!("{diagnostics}\n").into());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }
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
                "load" => self.load(),
                "version" => self.version(),
                _ => return None,
            })
        })
    }
}

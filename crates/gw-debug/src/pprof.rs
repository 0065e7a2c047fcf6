//! `/debug/pprof/`: profiles under the paths that Go's tools know.
//!
//! | page | answer |
//! |---|---|
//! | `profile?seconds=N` | CPU of all threads, pprof's format, 1 to 60 s (default 30); one at a time, else 409 |
//! | `cmdline` | the command line, its arguments separated by NUL, without credentials of addresses |
//! | `heap` | the heap, pprof's format; needs the `jemalloc` build, else 501 |
//! | `goroutine` | the tasks that run, as text |
//! | `allocs`, `block`, `mutex`, `threadcreate`, `symbol`, `trace` | 501, and what to use instead |
//!
//! Profiling may cost some per cent of CPU while it runs and nothing otherwise.

#[cfg(unix)]
mod cpu;
#[cfg(feature = "heap")]
mod heap;

#[cfg(unix)]
use bytes::Bytes;
use gw_core::{Body, BoxFuture, DebugRequest, DebugResponse, Debuggable, Response};
use http::StatusCode;
use http::header::{self, HeaderValue};

use crate::text;

/// What has no counterpart here: the page, and what to use.
const ELSEWHERE: [(&str, &str); 6] = [
    ("allocs", "allocations are not recorded one by one; /debug/pprof/heap of a jemalloc build samples them"),
    (
        "block",
        "nothing here waits on a channel of Go; slow requests are in the access log, tasks at /debug/tasks",
    ),
    ("mutex", "no lock is contended on the request path; `perf lock` sees those of the process"),
    ("threadcreate", "threads are made at the start only; /proc/PID/task lists them by name"),
    ("symbol", "profiles carry their symbols; there is nothing to look up"),
    ("trace", "there is no execution trace; the tracing middleware exports spans"),
];

/// The pages of `/debug/pprof/`.
pub struct Pprof {
    cmdline: String,
    tasks: Box<dyn Fn() -> String + Send + Sync>,
    #[cfg(unix)]
    cpu: cpu::Profiler,
}

impl Pprof {
    /// Serves profiles; `cmdline` are the process's arguments, `tasks` lists what runs, for people.
    pub fn new(cmdline: &[String], tasks: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self {
            cmdline: cmdline.iter().map(|argument| shown(argument)).collect::<Vec<_>>().join("\0"),
            tasks: Box::new(tasks),
            #[cfg(unix)]
            cpu: cpu::Profiler::default(),
        }
    }

    async fn page(&self, tail: &str, query: &str) -> Option<Response> {
        Some(match tail {
            "" => text(StatusCode::OK, index()),
            "cmdline" => text(StatusCode::OK, self.cmdline.clone()),
            "goroutine" => text(StatusCode::OK, (self.tasks)()),
            "profile" => self.profile(query).await,
            "heap" => heap().await,
            other => {
                let (_, instead) = ELSEWHERE.into_iter().find(|(page, _)| *page == other)?;
                missing(instead)
            }
        })
    }

    #[cfg(unix)]
    async fn profile(&self, query: &str) -> Response {
        self.cpu.profile(query).await
    }

    #[cfg(not(unix))]
    async fn profile(&self, _: &str) -> Response {
        missing("CPU profiles need a Unix system")
    }
}

/// An argument as it may be shown: an address with a user or parameters may have a password or a token.
fn shown(argument: &str) -> String {
    match argument.split_once("://") {
        Some((before, rest)) if rest.contains(['@', '?']) => format!("{before}://[redacted]"),
        _ => argument.to_owned(),
    }
}

#[cfg(feature = "heap")]
async fn heap() -> Response {
    heap::profile().await
}

#[cfg(not(feature = "heap"))]
async fn heap() -> Response {
    missing("this build has no heap profiler; build with `--features jemalloc`")
}

fn index() -> String {
    let pages = ["cmdline", "goroutine", "heap", "profile?seconds=30"];
    let ours = pages.iter().map(|page| format!("/debug/pprof/{page}\n"));
    let elsewhere = ELSEWHERE.iter().map(|(page, instead)| format!("/debug/pprof/{page}: {instead}\n"));
    ours.chain(elsewhere).collect()
}

fn missing(instead: &str) -> Response {
    text(StatusCode::NOT_IMPLEMENTED, format!("{instead}\n"))
}

/// A profile as a file.
#[cfg(unix)]
fn file(bytes: Vec<u8>, name: &'static str) -> Response {
    let mut response = Response::new(Body::from(Bytes::from(bytes)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}

impl Debuggable for Pprof {
    fn name(&self) -> &'static str {
        "pprof"
    }

    fn pages(&self) -> &'static [&'static str] {
        &["", "cmdline", "goroutine", "heap", "profile"]
    }

    fn handle<'a>(&'a self, tail: &'a str, req: DebugRequest) -> BoxFuture<'a, Option<DebugResponse>> {
        Box::pin(async move { self.page(tail, req.uri().query().unwrap_or_default()).await })
    }
}

#[cfg(test)]
mod tests;

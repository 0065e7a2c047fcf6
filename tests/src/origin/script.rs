//! What an origin does with a request.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;

use super::counted::Counted;
use super::{Body, Play};
use crate::{BoxError, Pattern, Received, Record, chunks, empty, full};

/// Makes an answer to a request that was read.
pub type Respond = Arc<dyn Fn(&Received) -> Response<Body> + Send + Sync>;

/// What an origin does with a request.
#[derive(Clone)]
pub enum Script {
    /// Reads all and answers 200 with JSON of what came: `origin`, `method`, `target`, `version`, `headers`,
    /// `body_bytes`, `body_hash`, `trailers`.
    Echo,
    /// Reads all and answers this status, with the body `status <n> from <origin>`.
    Status(u16),
    /// As [`Echo`](Self::Echo), once [`Record::release`] was called.
    Held,
    /// Answers 200 at once and sends the body back as it comes, trailers included.
    Mirror,
    /// Answers with the first bytes of [`Pattern`].
    Download(u64),
    /// Checks that the body is [`Pattern`], holding none of it, and answers its length.
    Upload,
    /// Answers 200 with a body that the test writes: [`Origin::stream`](super::Origin::stream).
    Stream,
    /// Answers 200 with the body `trailers follow` and these trailers.
    Trailers(&'static [(&'static str, &'static str)]),
    /// Reads all, then closes the connection (h1) or resets the stream (h2) without an answer.
    Abort,
    /// Reads all and answers as the function says.
    Respond(Respond),
    /// Another script for each request, by its number from 0.
    Each(Arc<dyn Fn(usize) -> Self + Send + Sync>),
}

impl Script {
    /// Fails the first `times` requests with `status` and echoes the others.
    pub fn failing(times: usize, status: u16) -> Self {
        Self::Each(Arc::new(move |number| if number < times { Self::Status(status) } else { Self::Echo }))
    }
}

pub(super) async fn answer(play: &Play, req: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    let mut number = 0;
    play.record.count(|counts| {
        number = counts.requests;
        counts.requests += 1;
    });
    let waiting = Waiting(Some(&play.record));
    let head = req.method() == Method::HEAD;
    let script = match &play.script {
        Script::Each(script) => script(number),
        script => script.clone(),
    };
    let response = act(play, script, req).await;
    waiting.over();
    let response = if head { without_body(response?) } else { response? };
    Ok(response.map(|body| Counted::new(body, &play.record).boxed_unsync()))
}

async fn act(play: &Play, script: Script, req: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    match script {
        Script::Mirror => {
            Ok(Response::new(req.into_body().map_err(|error| -> BoxError { Box::new(error) }).boxed_unsync()))
        }
        Script::Download(len) => Ok(Response::new(Pattern::body(len))),
        Script::Upload => upload(req.into_body()).await,
        Script::Stream => {
            let (sender, body) = chunks();
            play.streams.send(sender).map_err(|_| "the origin was dropped")?;
            Ok(Response::new(body))
        }
        script => {
            let received = read(play, req).await?;
            after_reading(play, script, &received).await
        }
    }
}

async fn after_reading(play: &Play, script: Script, received: &Received) -> Result<Response<Body>, BoxError> {
    match script {
        Script::Status(status) => {
            let body = full(format!("status {status} from {}", play.name));
            Ok(Response::builder().status(StatusCode::from_u16(status)?).body(body)?)
        }
        Script::Held => {
            play.record.released().await;
            echo(play, received)
        }
        Script::Trailers(trailers) => with_trailers(trailers),
        Script::Abort => Err("told to abort".into()),
        Script::Respond(respond) => Ok(respond(received)),
        _ => echo(play, received),
    }
}

/// hyper sends what it is given, over HTTP/2 in answer to HEAD too.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if let Some(len) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, len.into());
    }
    Response::from_parts(parts, empty())
}

fn echo(play: &Play, received: &Received) -> Result<Response<Body>, BoxError> {
    let body = full(received.json(&play.name).to_string());
    Ok(Response::builder().header("content-type", "application/json").body(body)?)
}

async fn read(play: &Play, req: Request<Incoming>) -> Result<Received, BoxError> {
    let received = Received::of(&req);
    let body = req.into_body().collect().await?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok(play.record.push(received, &body.to_bytes(), trailers))
}

async fn upload(mut body: Incoming) -> Result<Response<Body>, BoxError> {
    let mut pattern = Pattern::default();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            pattern.take(&data);
        }
    }
    Ok(Response::new(full(pattern.len().to_string())))
}

fn with_trailers(trailers: &[(&'static str, &'static str)]) -> Result<Response<Body>, BoxError> {
    let fields: HeaderMap = trailers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let names: Vec<&str> = trailers.iter().map(|(name, _)| *name).collect();
    let frames = [
        Ok::<_, BoxError>(http_body::Frame::data(Bytes::from_static(b"trailers follow"))),
        Ok(http_body::Frame::trailers(fields)),
    ];
    let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
    // hyper writes the trailers that the head announces, and no others.
    Ok(Response::builder().header("trailer", names.join(", ")).body(body)?)
}

/// Counts a request that was dropped before its answer.
struct Waiting<'a>(Option<&'a Record>);

impl Waiting<'_> {
    fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(record) = self.0 {
            record.count(|counts| counts.cancelled += 1);
        }
    }
}

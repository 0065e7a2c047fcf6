//! An answer on its way out: its head, and as much of its body in one write as there is.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, TE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;

use super::date::Date;
use super::shared::Next;
use crate::encode::encode_answer;
use crate::{Framing, Noted, WriteQueue, is_persistent, response_framing};

/// So much of a body is gathered before it is written.
const GATHERED: usize = 64 * 1024;

/// What is kept of a request for its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    method: Method,
    version: Version,
    /// Whether the client wants another answer after this.
    keeps: bool,
    /// Whether it takes trailers.
    trailers: bool,
}

impl Asked {
    pub(super) fn of(head: &Request<()>, noted: Noted) -> Self {
        let takes = |value: &http::HeaderValue| {
            let mut codings = value.as_bytes().split(|byte| *byte == b',');
            codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
        };
        Self {
            method: head.method().clone(),
            version: head.version(),
            keeps: is_persistent(head.version(), head.headers(), noted),
            trailers: noted.has(Noted::TE) && head.headers().get_all(TE).iter().any(takes),
        }
    }

    /// Of a head that could not be read.
    pub(super) fn unknown() -> Self {
        Self { method: Method::GET, version: Version::HTTP_11, keeps: false, trailers: false }
    }
}

/// What happens once an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Next,
    Close,
    Upgrade,
}

/// How far the gathering came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gathered {
    /// The body has ended.
    All,
    /// There is enough for a write.
    Enough,
    /// The body has no more for now.
    SoFar,
    /// It failed, or has another length than was said: the client must not take what it got for all.
    Cut,
}

/// The head of an answer, and what it says of the body.
pub(super) struct Head {
    parts: Parts,
    noted: Noted,
    framing: Framing,
}

impl Head {
    pub(super) fn is_interim(&self) -> bool {
        self.parts.status.is_informational()
    }
}

pub(super) struct Answer<B> {
    /// None once it has ended.
    body: Option<B>,
    framing: Framing,
    trailers: bool,
    cut: bool,
    pub(super) then: Then,
}

impl<B: Body<Data = Bytes> + Unpin> Answer<B> {
    /// An answer and its head, of which nothing is written.
    pub(super) fn new(asked: &Asked, mut response: Response<B>) -> (Head, Self) {
        let noted = Noted::of(response.headers());
        let framing = framing(asked, &mut response, noted);
        let (parts, body) = response.into_parts();
        let body = (framing != Framing::Empty).then_some(body);
        let answer = Self { body, framing, trailers: asked.trailers, cut: false, then: Then::Close };
        (Head { parts, noted, framing }, answer)
    }

    /// Puts the head into `queue`. `next` is what the client sends next as far as is known, `ending` whether this is the
    /// last answer.
    pub(super) fn begin(
        &mut self,
        asked: &Asked,
        head: Head,
        next: Next,
        ending: bool,
        date: &Date,
        queue: &mut WriteQueue,
    ) {
        let Head { parts: mut head, noted, framing } = head;
        let says_close = !is_persistent(Version::HTTP_11, &head.headers, noted);
        let keeps = asked.keeps && next != Next::Unknown && !ending && !head.status.is_informational();
        self.then = match head.status == StatusCode::SWITCHING_PROTOCOLS {
            // Bytes of a body are none of the other protocol.
            true if next == Next::Head => Then::Upgrade,
            false if keeps && !says_close && framing != Framing::UntilClose => Then::Next,
            _ => Then::Close,
        };
        let connection: &[u8] = match (self.then, asked.version) {
            (Then::Close, Version::HTTP_11) if !says_close => b"connection: close\r\n",
            (Then::Next, Version::HTTP_10) => b"connection: keep-alive\r\n",
            _ => b"",
        };
        let date = if noted.has(Noted::DATE) { None } else { Some(date.line()) };
        let date = date.as_ref().map_or(&b""[..], |line| &line[..]);
        head.version = asked.version;
        queue.encode(|out| encode_answer(&head, framing, &[date, connection], out));
    }

    /// Puts into `queue` what the body has at hand.
    pub(super) fn gather(&mut self, queue: &mut WriteQueue, cx: &mut Context<'_>) -> Gathered {
        loop {
            let Some(body) = &mut self.body else {
                return if self.cut { Gathered::Cut } else { Gathered::All };
            };
            if queue.len() >= GATHERED {
                return Gathered::Enough;
            }
            let full = self.framing == Framing::Length(0);
            match Pin::new(&mut *body).poll_frame(cx) {
                // The client has all that was said, and is not kept waiting for the end of the body.
                Poll::Pending if full => self.end(queue, None),
                Poll::Pending => return Gathered::SoFar,
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        let last = body.is_end_stream();
                        self.push(data, queue);
                        if last && self.body.is_some() {
                            self.end(queue, None);
                        }
                    }
                    Err(frame) => self.end(queue, frame.into_trailers().ok().as_ref()),
                },
                Poll::Ready(None) => self.end(queue, None),
                Poll::Ready(Some(Err(_))) => self.cut(),
            }
        }
    }

    fn push(&mut self, mut data: Bytes, queue: &mut WriteQueue) {
        match &mut self.framing {
            Framing::Chunked => queue.push_chunk(data),
            Framing::UntilClose => queue.push(data),
            Framing::Empty => {}
            Framing::Length(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let longer = data.len() > most;
                data.truncate(most);
                *left -= data.len() as u64;
                queue.push(data);
                if longer {
                    self.cut();
                }
            }
        }
    }

    fn end(&mut self, queue: &mut WriteQueue, trailers: Option<&HeaderMap>) {
        match self.framing {
            Framing::Chunked => queue.push_last_chunk(trailers.filter(|_| self.trailers)),
            Framing::Length(1..) => return self.cut(),
            Framing::Length(0) | Framing::UntilClose | Framing::Empty => {}
        }
        self.body = None;
    }

    fn cut(&mut self) {
        self.body = None;
        self.cut = true;
    }
}

/// What delimits the answer's body: what its head says, else what the body knows of itself.
fn framing<B: Body>(asked: &Asked, response: &mut Response<B>, noted: Noted) -> Framing {
    let said = response_framing(&asked.method, response, noted);
    let status = response.status();
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    match said {
        Ok((Framing::Chunked, _)) if asked.version == Version::HTTP_11 => return Framing::Chunked,
        Ok((said @ (Framing::Empty | Framing::Length(_)), _)) => return said,
        Ok(_) => {}
        // The service's mistake.
        Err(_) => {
            response.headers_mut().remove(CONTENT_LENGTH);
            response.headers_mut().remove(TRANSFER_ENCODING);
        }
    }
    let body = response.body();
    match body.size_hint().exact() {
        _ if asked.method == Method::HEAD || status == StatusCode::NOT_MODIFIED => Framing::Empty,
        _ if body.is_end_stream() => Framing::Length(0),
        Some(length) => Framing::Length(length),
        None if asked.version == Version::HTTP_11 => Framing::Chunked,
        None => Framing::UntilClose,
    }
}

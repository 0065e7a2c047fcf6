//! The states of a connection, and the one future that drives them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Response, Version};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{Answer, Asked, Gathered, Then};
use super::shared::{Inbound, Link, Next};
use super::{BadRequest, Date, Error, Fault, RequestBody};
use crate::{
    BodyDecoder, BufferPool, Framing, HeadLimits, Noted, RequestParser, Underscores, WriteQueue,
    request_framing,
};

/// What a connection is made with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What a head may have.
    pub limits: HeadLimits,
    /// What becomes of names with an underscore, in heads and trailers.
    pub underscores: Underscores,
    /// Where the buffers come from.
    pub pool: Arc<BufferPool>,
    /// What answers without `Date` get.
    pub date: Arc<Date>,
}

/// A connection whose client and service have agreed on another protocol.
#[derive(Debug)]
pub struct Upgraded<I> {
    /// The socket. The 101 is written.
    pub io: I,
    /// What the client has sent already.
    pub unread: Bytes,
}

/// A connection from its first head to its close.
///
/// `service` is called with each request, or with what is wrong with one; its future yields the answer. It is polled by
/// this future alone, and dropped when the client goes.
///
/// It yields nothing at its end, or the socket after an answer 101. On an error it is to be dropped, not closed in
/// order.
pub struct Connection<I, S, F, B> {
    link: Link<I>,
    write: WriteQueue,
    parser: RequestParser,
    underscores: Underscores,
    date: Arc<Date>,
    service: S,
    asked: Asked,
    state: State<F, B>,
    ending: bool,
    midway: bool,
}

enum State<F, B> {
    /// Waits for a head.
    Head,
    /// Boxed, so that it costs an idle connection nothing.
    Serving(Pin<Box<F>>),
    Answering(Answer<B>),
    /// Waits until the next head can be read.
    Between,
    Closing,
}

impl<I, S, F, B> Connection<I, S, F, B>
where
    I: AsyncRead + AsyncWrite + Unpin,
    S: FnMut(Result<Request<RequestBody<I>>, BadRequest>) -> F + Unpin,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes> + Unpin,
{
    /// A connection on `io`, from which nothing of a request has been read.
    pub fn new(io: I, setup: &Setup, service: S) -> Self {
        Self {
            link: Link::new(io, Arc::clone(&setup.pool)),
            write: WriteQueue::new(Arc::clone(&setup.pool)),
            parser: RequestParser::new(setup.limits, setup.underscores).keeping(Arc::clone(&setup.pool)),
            underscores: setup.underscores,
            date: Arc::clone(&setup.date),
            service,
            asked: Asked::unknown(),
            state: State::Head,
            ending: false,
            midway: false,
        }
    }

    /// Has it close after the answer under way, or at the next poll if no head has begun.
    pub fn end(&mut self) {
        self.ending = true;
    }

    /// Has it refuse the head that it waits for, and close. False if it waits for none.
    pub fn time_out(&mut self) -> bool {
        let waits = matches!(self.state, State::Head);
        if waits {
            self.refuse(Fault::Late, None);
        }
        waits
    }

    /// Whether a head has begun and not ended.
    pub fn is_midway(&self) -> bool {
        self.midway
    }

    /// Looks at the socket; none if the connection has ended.
    pub fn with_io<R>(&mut self, look: impl FnOnce(&mut I) -> R) -> Option<R> {
        self.link.with(|shared| look(&mut shared.io))
    }

    fn refuse(&mut self, fault: Fault, head: Option<Request<()>>) {
        self.midway = false;
        self.asked =
            head.as_ref().map_or_else(Asked::unknown, |head| Asked::of(head, Noted::of(head.headers())));
        self.link.with(|shared| shared.inbound = Inbound::Lost);
        self.state = State::Serving(Box::pin((self.service)(Err(BadRequest { fault, head }))));
    }

    fn serve(&mut self, mut head: Request<()>) {
        let noted = self.parser.noted();
        let framing = match request_framing(&mut head, noted) {
            Ok(framing) => framing,
            Err(error) => return self.refuse(Fault::Protocol(error), Some(head)),
        };
        self.asked = Asked::of(&head, noted);
        self.state = match self.body(framing, noted.has(Noted::EXPECT) && expects(&head)) {
            Some(body) => State::Serving(Box::pin((self.service)(Ok(head.map(|()| body))))),
            None => State::Closing,
        };
    }

    /// The body of a request, for which the client waits to be asked if it `expects` that; none if the connection has ended.
    fn body(&mut self, framing: Framing, expects: bool) -> Option<RequestBody<I>> {
        if matches!(framing, Framing::Empty | Framing::Length(0)) {
            return Some(RequestBody::empty());
        }
        let mut decoder = BodyDecoder::new(framing, self.underscores);
        if let Some(whole) = self.link.with(|shared| decoder.whole(shared.read.bytes())).flatten() {
            // Nobody need read on, nor be told to send it (RFC 9110 §10.1.1).
            return Some(RequestBody::whole(whole));
        }
        let length = decoder.left();
        self.link.with(|shared| {
            shared.inbound = Inbound::Held(decoder);
            shared.interim = expects.then_some(0);
        });
        Some(RequestBody::new(self.link.lend()?, length))
    }

    fn answer(&mut self, response: Response<B>, cx: &mut Context<'_>) {
        let before = self.link.with(|shared| (shared.next(cx), shared.take_interim()));
        let (next, interim) = before.unwrap_or((Next::Unknown, &[]));
        if !interim.is_empty() {
            self.write.push(Bytes::from_static(interim));
        }
        let (head, mut answer) = Answer::new(&self.asked, response);
        let early = next == Next::Body && !head.is_interim();
        let (next, ahead) = if early { self.look_ahead(&mut answer, cx) } else { (next, None) };
        answer.begin(&self.asked, head, next, self.ending, &self.date, &mut self.write);
        if let Some(ahead) = ahead {
            self.write.append(ahead);
        }
        self.state = State::Answering(answer);
    }

    /// What is at hand of an answer, and what comes next after that: who holds the body of the request may drop it at the
    /// end of the answer, and then the client can be told that the connection closes.
    fn look_ahead(&mut self, answer: &mut Answer<B>, cx: &mut Context<'_>) -> (Next, Option<WriteQueue>) {
        let mut ahead = self.write.another();
        answer.gather(&mut ahead, cx);
        let next = self.link.with(|shared| shared.next(cx));
        (next.unwrap_or(Next::Unknown), Some(ahead))
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (parser, ending) = (&mut self.parser, self.ending);
        let polled = self.link.with(|shared| {
            let polled = shared.poll_head(parser, ending, cx);
            self.midway = polled.is_pending() && !shared.read.is_empty();
            polled
        });
        match ready!(polled.unwrap_or(Poll::Ready(Ok(Ok(None)))))? {
            Ok(Some(head)) => self.serve(head),
            Ok(None) => self.state = State::Closing,
            Err(error) => self.refuse(Fault::Protocol(error), None),
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the answer is written.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Then, Error>> {
        let State::Answering(answer) = &mut self.state else { return Poll::Ready(Ok(Then::Close)) };
        loop {
            let gathered = answer.gather(&mut self.write, cx);
            let write = &mut self.write;
            let flushed = self.link.with(|shared| write.poll_flush(Pin::new(&mut shared.io), cx));
            ready!(flushed.unwrap_or(Poll::Ready(Ok(()))))?;
            match gathered {
                Gathered::All => return Poll::Ready(Ok(answer.then)),
                Gathered::Cut => return Poll::Ready(Err(Error::Cut)),
                Gathered::SoFar => return Poll::Pending,
                Gathered::Enough => {}
            }
        }
    }

    /// Ready with an error when the client has gone.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let polled = self.link.with(|shared| shared.poll_closed(cx));
        match ready!(polled.unwrap_or(Poll::Ready(Ok(())))) {
            Ok(()) => Poll::Ready(Error::Closed),
            Err(error) => Poll::Ready(error.into()),
        }
    }

    /// Ready when the next head can be read, or none is to be.
    fn poll_between(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next = self.link.with(|shared| {
            let next = shared.next(cx);
            match next {
                // What it is left with goes back when the next head is waited for.
                Next::Head => shared.read.shrink(),
                // In the same breath: a body that ended in between would wake nobody.
                Next::Body => shared.await_body(cx),
                Next::Unknown => {}
            }
            next
        });
        self.state = match next {
            Some(Next::Head) => {
                self.link.reclaim();
                State::Head
            }
            Some(Next::Body) => return Poll::Pending,
            Some(Next::Unknown) | None => State::Closing,
        };
        Poll::Ready(())
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let closed = self.link.with(|shared| {
            shared.read.bytes().clear();
            shared.read.release();
            Pin::new(&mut shared.io).poll_shutdown(cx)
        });
        ready!(closed.unwrap_or(Poll::Ready(Ok(()))))?;
        Poll::Ready(Ok(()))
    }

    fn upgrade(&mut self) -> Option<Upgraded<I>> {
        let mut shared = self.link.take()?;
        let unread = shared.read.bytes().split().freeze();
        Some(Upgraded { io: shared.io, unread })
    }
}

/// Whether the client waits for `100 Continue` (RFC 9110 §10.1.1).
fn expects(head: &Request<()>) -> bool {
    let waits = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    head.version() == Version::HTTP_11 && head.headers().get(EXPECT).is_some_and(waits)
}

impl<I, S, F, B> Future for Connection<I, S, F, B>
where
    I: AsyncRead + AsyncWrite + Unpin,
    S: FnMut(Result<Request<RequestBody<I>>, BadRequest>) -> F + Unpin,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes> + Unpin,
{
    type Output = Result<Option<Upgraded<I>>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let me = &mut *self;
        loop {
            match &mut me.state {
                State::Head => ready!(me.poll_head(cx))?,
                State::Serving(future) => match future.as_mut().poll(cx) {
                    Poll::Ready(response) => me.answer(response, cx),
                    Poll::Pending => return me.poll_closed(cx).map(Err),
                },
                State::Answering(_) => match me.poll_answer(cx)? {
                    Poll::Pending => return me.poll_closed(cx).map(Err),
                    Poll::Ready(then) => {
                        me.write.release();
                        match then {
                            Then::Next => me.state = State::Between,
                            Then::Close => me.state = State::Closing,
                            Then::Upgrade => return Poll::Ready(Ok(me.upgrade())),
                        }
                    }
                },
                State::Between => ready!(me.poll_between(cx)),
                State::Closing => {
                    ready!(me.poll_close(cx))?;
                    me.link.take();
                    return Poll::Ready(Ok(None));
                }
            }
        }
    }
}

impl<I, S, F, B> Drop for Connection<I, S, F, B> {
    fn drop(&mut self) {
        self.link.take();
    }
}

//! What comes of the bytes of one message, however they are cut into reads.

use bytes::BytesMut;
use gw_h1::{
    BodyDecoder, Decoded, Framing, HeadLimits, ProtocolError, RequestParser, ResponseParser, Underscores,
    request_framing, response_framing,
};
use http::{HeaderMap, Method};

/// A message as text, so that tables can show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// `GET /a HTTP/1.1` or `200 HTTP/1.1`.
    pub(crate) line: String,
    /// A line for each, `name: value`.
    pub(crate) fields: String,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: String,
    /// What follows the message.
    pub(crate) rest: Vec<u8>,
    /// For an answer: whether the connection may serve again.
    pub(crate) reusable: bool,
}

pub(crate) type Verdict = Result<Option<Message>, ProtocolError>;

pub(crate) fn text(fields: &HeaderMap) -> String {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}", value.as_bytes().escape_ascii())
    };
    fields.iter().map(field).collect::<Vec<_>>().join("\n")
}

/// The rest of a connection's input: pieces yet to be read.
struct Input<'a> {
    pieces: std::slice::Iter<'a, &'a [u8]>,
    bytes: BytesMut,
}

impl Input<'_> {
    fn read(&mut self) -> bool {
        let piece = self.pieces.next();
        self.bytes.extend_from_slice(piece.unwrap_or(&&b""[..]));
        piece.is_some()
    }

    fn body(&mut self, mut decoder: BodyDecoder, message: &mut Message) -> Result<bool, ProtocolError> {
        loop {
            match decoder.decode(&mut self.bytes)? {
                Decoded::Data(data) => message.body.extend_from_slice(&data),
                Decoded::Trailers(trailers) => message.trailers = text(&trailers),
                Decoded::End => break,
                Decoded::More if self.read() => {}
                Decoded::More => return Ok(decoder.close()),
            }
        }
        assert!(decoder.is_done());
        assert_eq!(decoder.left(), Some(0));
        while self.read() {}
        message.rest = self.bytes.to_vec();
        Ok(true)
    }
}

pub(crate) fn request(pieces: &[&[u8]], limits: HeadLimits, underscores: Underscores) -> Verdict {
    let mut input = Input { pieces: pieces.iter(), bytes: BytesMut::new() };
    let mut parser = RequestParser::new(limits, underscores);
    let mut head = loop {
        match parser.parse(&mut input.bytes)? {
            Some(head) => break head,
            None if input.read() => {}
            None => return Ok(None),
        }
    };
    let framing = request_framing(&mut head, parser.noted())?;
    let line = format!("{} {} {:?}", head.method(), head.uri(), head.version());
    let mut message = Message { line, fields: text(head.headers()), ..Message::default() };
    let whole = input.body(BodyDecoder::new(framing, underscores), &mut message)?;
    Ok(whole.then_some(message))
}

pub(crate) fn response(pieces: &[&[u8]], limits: HeadLimits, method: &Method) -> Verdict {
    let mut input = Input { pieces: pieces.iter(), bytes: BytesMut::new() };
    let mut parser = ResponseParser::new(limits);
    let mut head = loop {
        match parser.parse(&mut input.bytes)? {
            Some(head) => break head,
            None if input.read() => {}
            None => return Ok(None),
        }
    };
    let (framing, reusable) = response_framing(method, &mut head, parser.noted())?;
    let line = format!("{} {:?}", head.status().as_str(), head.version());
    let reusable = reusable && framing != Framing::UntilClose;
    let mut message = Message { line, fields: text(head.headers()), reusable, ..Message::default() };
    let whole = input.body(BodyDecoder::new(framing, Underscores::Keep), &mut message)?;
    Ok(whole.then_some(message))
}

/// The verdict on `bytes`, which must be the same in one read, byte by byte, and in two reads, cut at every `step`.
#[track_caller]
pub(crate) fn any_split(bytes: &[u8], step: usize, verdict: impl Fn(&[&[u8]]) -> Verdict) -> Verdict {
    let whole = verdict(&[bytes]);
    for at in (0..=bytes.len()).step_by(step) {
        let (first, second) = bytes.split_at(at);
        assert_eq!(verdict(&[first, second]), whole, "cut at {at}: {}", bytes.escape_ascii());
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(verdict(&single), whole, "byte by byte: {}", bytes.escape_ascii());
    whole
}

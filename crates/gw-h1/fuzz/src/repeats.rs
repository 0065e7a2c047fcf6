//! A connection's heads, compared with those before: they mean what each means alone.

use bytes::BytesMut;
use gw_h1::{BufferPool, Noted, ProtocolError, RequestParser, ResponseParser, Underscores};

use super::message::text;
use super::request::LIMITS;

/// So many interim answers may come in a row.
const INTERIM: usize = 16;

/// What came of a head: its first line, its fields, what is noted of them, and how much was left.
type Verdict = Result<Option<(String, String, Noted)>, ProtocolError>;

/// The first byte says how large the reads are; the rest is heads, each of which comes twice, and the first one between.
/// Read by a parser that keeps the last one, and each by one that has seen no other, they are the same.
///
/// # Panics
/// When they are not.
pub fn repeats(input: &[u8]) -> bool {
    let Some((size, heads)) = input.split_first() else { return false };
    let heads = split(heads);
    let Some(first) = heads.first() else { return false };
    let answers = first.starts_with(b"HTTP/");
    let mut kept = Reader::new(answers, true);
    let mut said = 0;
    for head in heads.iter().flat_map(|head| [first, head, head]) {
        let (alone, left) = Reader::new(answers, false).read(head, usize::MAX);
        let (after, left_after) = kept.read(head, 1 + usize::from(*size) * 4);
        // Of all that a head means, this alone hangs on those before.
        if said >= INTERIM && after == Err(ProtocolError::Malformed("interim answers without end")) {
            break;
        }
        assert_eq!(after, alone, "{}", input.escape_ascii());
        if !matches!(after, Ok(Some(_))) {
            break;
        }
        assert_eq!(left_after, left);
        said += 1;
    }
    said > 3
}

/// Each with its blank line.
fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut heads = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let (head, rest) = bytes.split_at(end);
        heads.push(head);
        bytes = rest;
    }
    heads
}

enum Reader {
    Requests(RequestParser),
    Answers(ResponseParser),
}

impl Reader {
    fn new(answers: bool, keeping: bool) -> Self {
        let (requests, responses) =
            (RequestParser::new(LIMITS, Underscores::Drop), ResponseParser::new(LIMITS));
        let pool = BufferPool::new(1);
        match (answers, keeping) {
            (false, false) => Self::Requests(requests),
            (false, true) => Self::Requests(requests.keeping(pool)),
            (true, false) => Self::Answers(responses),
            (true, true) => Self::Answers(responses.keeping(pool)),
        }
    }

    fn read(&mut self, head: &[u8], size: usize) -> (Verdict, usize) {
        let mut bytes = BytesMut::new();
        let mut come = 0;
        for piece in head.chunks(size.max(1)) {
            come += piece.len();
            bytes.extend_from_slice(piece);
            let verdict = self.parse(&mut bytes);
            if !matches!(verdict, Ok(None)) {
                return (verdict, head.len() - come + bytes.len());
            }
        }
        (Ok(None), bytes.len())
    }

    fn parse(&mut self, bytes: &mut BytesMut) -> Verdict {
        Ok(match self {
            Self::Requests(parser) => parser.parse(bytes)?.map(|head| {
                let line = format!("{} {} {:?}", head.method(), head.uri(), head.version());
                (line, text(head.headers()), parser.noted())
            }),
            Self::Answers(parser) => parser.parse(bytes)?.map(|head| {
                let line = format!("{} {:?}", head.status(), head.version());
                (line, text(head.headers()), parser.noted())
            }),
        })
    }
}

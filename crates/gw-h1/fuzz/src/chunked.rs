//! Chunked bodies, cut into reads of any sizes.

use bytes::BytesMut;
use gw_h1::{BodyDecoder, Decoded, Framing, ProtocolError, Underscores};
use http::HeaderMap;

/// What came of a body: its data, its trailers, whether it ended, and what was left.
type Outcome = (Vec<u8>, Option<HeaderMap>, Result<bool, ProtocolError>, usize);

/// The first byte says how many sizes of reads follow it, which take turns; the rest is read, and comes to the same as
/// in one read.
///
/// # Panics
/// When it does not.
pub fn chunked(input: &[u8]) -> bool {
    let Some((count, rest)) = input.split_first() else { return false };
    let (sizes, body) = rest.split_at(rest.len().min(usize::from(count % 8)));
    let whole = decode(body, &[usize::MAX]);
    let sizes: Vec<usize> = sizes.iter().map(|size| 1 + usize::from(*size)).collect();
    for sizes in [&sizes[..], &[1]] {
        assert_eq!(decode(body, sizes), whole, "cut by {sizes:?}: {}", body.escape_ascii());
    }
    whole.2 == Ok(true)
}

fn decode(mut body: &[u8], sizes: &[usize]) -> Outcome {
    let mut decoder = BodyDecoder::new(Framing::Chunked, Underscores::Drop);
    let (mut bytes, mut data, mut trailers) = (BytesMut::new(), Vec::new(), None);
    let mut sizes = sizes.iter().cycle();
    let ended = loop {
        match decoder.decode(&mut bytes) {
            Ok(Decoded::Data(piece)) => {
                assert!(!piece.is_empty());
                data.extend_from_slice(&piece);
            }
            Ok(Decoded::Trailers(fields)) => {
                assert!(!fields.is_empty());
                trailers = Some(fields);
            }
            Ok(Decoded::End) => break Ok(true),
            Ok(Decoded::More) if body.is_empty() => break Ok(false),
            Ok(Decoded::More) => {
                let size = sizes.next().map_or(body.len(), |size| body.len().min(*size));
                let (now, later) = body.split_at(size);
                bytes.extend_from_slice(now);
                body = later;
            }
            Err(error) => break Err(error),
        }
    };
    let over = ended == Ok(true);
    assert_eq!((decoder.is_done(), decoder.left().is_some()), (over, over));
    if ended.is_err() {
        // It stays one, whatever comes.
        assert_eq!(decoder.decode(&mut BytesMut::from("0\r\n\r\n")).map(|_| ()), ended.map(|_| ()));
    }
    assert_eq!(decoder.close(), over);
    // Where an error was found is the buffer's affair: more of what follows it may have been read.
    let left = if ended.is_ok() { body.len() + bytes.len() } else { 0 };
    (data, trailers, ended, left)
}

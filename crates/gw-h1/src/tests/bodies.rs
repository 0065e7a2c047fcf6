//! Chunked bodies: sizes, extensions, ends and trailers.

use bytes::{Bytes, BytesMut};

use super::LIMITS;
use super::message::{any_split, request};
use crate::{BodyDecoder, Decoded, Framing, ProtocolError, Underscores};

/// The body, its trailers and what follows; the status if it is refused, 0 if its end has not come.
#[track_caller]
fn judge(chunks: &[u8]) -> Result<(String, String, String), u16> {
    let mut bytes = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    bytes.extend_from_slice(chunks);
    let verdict = any_split(&bytes, 1, |pieces| request(pieces, LIMITS, Underscores::Drop));
    let message = verdict.map_err(|error| error.status().as_u16())?.ok_or(0_u16)?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ok((text(message.body), message.trailers, text(message.rest)))
}

#[track_caller]
fn check(chunks: &str, expect: Result<&str, u16>) {
    let seen = judge(chunks.as_bytes());
    let seen = seen.as_ref().map(|(body, ..)| body.as_str()).map_err(|status| *status);
    assert_eq!(seen, expect, "{}", chunks.escape_debug());
}

#[test]
fn chunks() {
    check("0\r\n\r\n", Ok(""));
    check("5\r\nabcde\r\n0\r\n\r\n", Ok("abcde"));
    check("1\r\na\r\n2\r\nbc\r\n0003\r\ndef\r\n000\r\n\r\n", Ok("abcdef"));
    check("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", Ok("01234567890123456789"));
    check("0000000000000001\r\na\r\n0\r\n\r\n", Ok("a"));
    check("5\r\nabcde\r\n", Err(0));
    check("5\r\nabcde\r\n0\r\n", Err(0));
    for size in ["ffffffffffffffff", "1000000000000005", "100000005", "10005"] {
        check(&format!("{size}\r\nabcde\r\n0\r\n\r\n"), Err(0));
    }
    assert_eq!(judge(b"0\r\n\r\nGET").unwrap().2, "GET");
}

#[test]
fn sizes_that_are_none() {
    for size in [
        "0x5",
        "+5",
        "-0",
        "-5",
        "5zz",
        "",
        " 5",
        "5 ",
        "5\t",
        "5 ;a",
        "00000000000000005",
        "5\rX",
        "5\n",
        "5,",
        "g",
        "\"5\"",
        "5.0",
        "\r\n5",
    ] {
        check(&format!("{size}\r\nabcde\r\n0\r\n\r\n"), Err(400));
    }
    check("5\r\nabcde\r\n0\n\r\n", Err(400));
    check("5\r\nabcde\r\n0\r\n\n", Err(400));
    check("5\r\nabcde\r\n-0\r\n\r\n", Err(400));
}

#[test]
fn data_ends_with_crlf() {
    for end in ["XX", "X\n", "\n", "\r", "", "X\r\n", "\rX", "\n\r\n"] {
        check(&format!("5\r\nabcde{end}0\r\n\r\n"), Err(400));
    }
    check("4\r\nabcde\r\n0\r\n\r\n", Err(400));
    check("6\r\nabcde\r\n0\r\n\r\n", Err(400));
}

#[test]
fn extensions_are_read_over() {
    check("5;a=b;c=\"d e\"\r\nabcde\r\n0;x\r\n\r\n", Ok("abcde"));
    check("5;a\n\r\nabcde\r\n0\r\n\r\n", Err(400));
    check("5;a\nabcde\r\n0\r\n\r\n", Err(400));
    check("5;a\rb\r\nabcde\r\n0\r\n\r\n", Err(400));
    check("5;a\0\r\nabcde\r\n0\r\n\r\n", Err(400));
    let long = format!("5;{}\r\nabcde\r\n0\r\n\r\n", "a".repeat(17 * 1024));
    assert_eq!(decode(&long), Err(400));
    let many = "1;aaaaaaaa\r\na\r\n".repeat(3000);
    assert_eq!(decode(&many), Err(400));
}

/// In one read: the body, or the status.
fn decode(chunks: &str) -> Result<Vec<Bytes>, u16> {
    let mut bytes = BytesMut::from(chunks);
    let mut decoder = BodyDecoder::new(Framing::Chunked, Underscores::Drop);
    let mut pieces = Vec::new();
    loop {
        match decoder.decode(&mut bytes).map_err(|error| error.status().as_u16())? {
            Decoded::Data(data) => pieces.push(data),
            Decoded::More => return Err(0),
            Decoded::Trailers(_) | Decoded::End => return Ok(pieces),
        }
    }
}

#[test]
fn trailers() {
    let (body, trailers, rest) = judge(b"1\r\na\r\n0\r\nGrpc-Status: 0\r\nX: b\r\nX: c\r\n\r\nGET").unwrap();
    assert_eq!((&*body, &*trailers, &*rest), ("a", "grpc-status: 0\nx: b\nx: c", "GET"));
    for bad in ["X : a", " X: a", "X", "X: a\n", "X: \0", "X: a\r\n b", ": a", "X: a\rY: b"] {
        check(&format!("0\r\n{bad}\r\n\r\n"), Err(400));
    }
    check("0\r\nX: a\r\n", Err(0));
}

#[test]
fn trailers_that_belong_into_the_head_are_dropped() {
    let section =
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nX_A: b\r\nAuthorization: c\r\n";
    let (_, trailers, _) = judge(format!("0\r\n{section}\r\n").as_bytes()).unwrap();
    assert_eq!(trailers, "");
    let (_, trailers, _) = judge(format!("0\r\n{section}X: a\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(trailers, "x: a");
}

#[test]
fn large_trailers_are_refused() {
    assert_eq!(decode(&format!("0\r\nX: {}\r\n\r\n", "a".repeat(17 * 1024))), Err(400));
    assert_eq!(decode(&format!("0\r\n{}\r\n", "X: a\r\n".repeat(129))), Err(400));
    assert!(decode(&format!("0\r\n{}\r\n", "X: a\r\n".repeat(128))).is_ok());
    let mut bytes = BytesMut::from(format!("0\r\nX: {}", "a".repeat(17 * 1024)).as_str());
    let mut decoder = BodyDecoder::new(Framing::Chunked, Underscores::Drop);
    assert_eq!(decoder.decode(&mut bytes), Err(ProtocolError::TrailersTooLarge));
}

#[test]
fn small_chunks_at_hand_are_one_piece() {
    let small = "400\r\n".to_owned() + &"a".repeat(1024) + "\r\n";
    let pieces = decode(&format!("{}0\r\n\r\n", small.repeat(10))).unwrap();
    assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [10 * 1024]);
    // A large one is a piece of its own, and is not moved.
    let large = "4000\r\n".to_owned() + &"b".repeat(16 * 1024) + "\r\n";
    let pieces = decode(&format!("{small}{small}{large}{small}0\r\n\r\n")).unwrap();
    assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [2 * 1024, 17 * 1024]);
}

#[test]
fn what_comes_before_an_error_is_handed_out() {
    let mut bytes = BytesMut::from("2\r\nab\r\n1\r\nc\r\nx");
    let mut decoder = BodyDecoder::new(Framing::Chunked, Underscores::Drop);
    assert_eq!(decoder.decode(&mut bytes), Ok(Decoded::Data(Bytes::from_static(b"abc"))));
    assert!(decoder.decode(&mut bytes).is_err());
    assert!(decoder.decode(&mut BytesMut::from("0\r\n\r\n")).is_err());
    assert!(!decoder.close());
}

#[test]
fn an_error_stays_one() {
    for body in ["x", "1\r\nax", "0\r\nX\r\n\r\n", "0\r\nX: a\n"] {
        let mut decoder = BodyDecoder::new(Framing::Chunked, Underscores::Drop);
        let mut bytes = BytesMut::from(body);
        while decoder.decode(&mut bytes).is_ok() {}
        assert!(decoder.decode(&mut BytesMut::from("\r\n0\r\n\r\n")).is_err(), "{body:?}");
        assert!(!decoder.is_done(), "{body:?}");
    }
}

#[test]
fn the_end_is_known_with_the_last_data() {
    let mut bytes = BytesMut::from("2\r\nab\r\n0\r\n\r\n");
    let mut decoder = BodyDecoder::new(Framing::Chunked, Underscores::Drop);
    assert_eq!(decoder.decode(&mut bytes), Ok(Decoded::Data(Bytes::from_static(b"ab"))));
    assert!(decoder.is_done());
}

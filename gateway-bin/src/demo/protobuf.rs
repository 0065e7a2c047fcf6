//! As much of protobuf and of gRPC's framing as the demo's messages need: one string in field 1.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The key of field 1 with a length-delimited value.
const FIELD_1: u8 = (1 << 3) | 2;
/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// A framed message with this text.
pub(super) fn encode(text: &str) -> Bytes {
    let mut message = BytesMut::new();
    message.put_u8(FIELD_1);
    put_varint(&mut message, text.len());
    message.put_slice(text.as_bytes());
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    // A name that a person typed; anything longer than the prefix can say was refused when it was read.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put(message);
    frame.freeze()
}

/// The text of a framed message; `None` if it is compressed, incomplete or has other fields.
pub(super) fn decode(mut frame: &[u8]) -> Option<String> {
    if frame.len() < PREFIX || frame.get_u8() != 0 {
        return None;
    }
    let len = frame.get_u32() as usize;
    let mut message = frame.get(..len)?;
    if message.is_empty() {
        return Some(String::new());
    }
    if message.get_u8() != FIELD_1 {
        return None;
    }
    let len = take_varint(&mut message)?;
    (message.len() == len).then(|| String::from_utf8_lossy(message).into_owned())
}

fn put_varint(out: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in (0..28).step_by(7) {
        if bytes.is_empty() {
            return None;
        }
        let byte = bytes.get_u8();
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn what_is_encoded_is_decoded() {
        for text in ["", "world", "é", &"x".repeat(127), &"x".repeat(128), &"x".repeat(70_000)] {
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
        assert_eq!(&encode("world")[..], b"\0\0\0\0\x07\n\x05world");
    }

    #[test]
    fn what_is_not_such_a_message_is_none() {
        for frame in
            [&b""[..], b"\0\0\0\0", b"\x01\0\0\0\0", b"\0\0\0\0\x07\n\x05worl", b"\0\0\0\0\x02\x12\0"]
        {
            assert_eq!(decode(frame), None, "{frame:?}");
        }
        assert_eq!(decode(b"\0\0\0\0\0").as_deref(), Some(""), "all fields are optional");
    }
}

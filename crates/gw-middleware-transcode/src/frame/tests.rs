//! Odd frames, and every byte string at every cut.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn framed(message: &[u8]) -> BytesMut {
    let mut framed = BytesMut::zeroed(PREFIX);
    framed.extend_from_slice(message);
    seal(&mut framed);
    framed
}

/// What comes of a body that arrives in these chunks, within 16 bytes.
fn unframe(chunks: &[&[u8]]) -> Result<Bytes, Malformed> {
    let mut unary = Unary::new(16);
    chunks.iter().try_for_each(|chunk| unary.push(chunk))?;
    unary.finish()
}

#[test]
fn a_message_is_its_prefix_and_its_bytes() {
    assert_eq!(framed(b""), [0, 0, 0, 0, 0][..]);
    assert_eq!(framed(b"abc"), b"\0\0\0\0\x03abc"[..]);
    assert_eq!(framed(&[7; 0x0001_0203])[..PREFIX], [0, 0, 1, 2, 3]);
}

#[test]
fn odd_bodies_are_told_apart() {
    for (body, expected) in [
        (&b""[..], Malformed::Missing),
        (b"\0", Malformed::Short),
        (b"\0\0\0\0", Malformed::Short),
        (b"\0\0\0\0\x02a", Malformed::Short),
        (b"\0\0\0\0\x01ab", Malformed::Several),
        (b"\0\0\0\0\0\0\0\0\0\0", Malformed::Several),
        (b"\x01", Malformed::Compressed),
        (b"\x01\0\0\0\x01a", Malformed::Compressed),
        (b"\x02\0\0\0\x01a", Malformed::Flag),
        (b"{\"a\":1}", Malformed::Flag),
        (b"\0\0\0\0\x11", Malformed::TooLarge),
        (b"\0\xff\xff\xff\xff", Malformed::TooLarge),
    ] {
        assert_eq!(unframe(&[body]), Err(expected), "{body:?}");
    }
    assert_eq!(unframe(&[b"\0\0\0\0\x10", &[b'a'; 16]]), Ok(Bytes::from_static(&[b'a'; 16])));
}

#[test]
fn a_second_message_is_refused_before_the_body_ends() {
    let mut unary = Unary::new(16);
    assert_eq!(unary.push(b"\0\0\0\0\x01a"), Ok(()));
    assert_eq!(unary.push(b"\0"), Err(Malformed::Several));
}

/// Another reading of the rule, of the whole body at once.
fn oracle(body: &[u8], max_bytes: usize) -> Option<&[u8]> {
    let rest = body.strip_prefix(&[0])?;
    let (length, message) = rest.split_first_chunk()?;
    let length = u32::from_be_bytes(*length) as usize;
    (length <= max_bytes && message.len() == length).then_some(message)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_body_is_one_message_or_refused_wherever_it_is_cut(
        start in prop_oneof![Just(vec![]), Just(vec![0]), Just(vec![0, 0, 0, 0]), Just(vec![1, 0])],
        rest in vec(any::<u8>(), 0..24),
        cut in 1..8_usize,
    ) {
        let body = [start, rest].concat();
        let chunks: Vec<_> = body.chunks(cut).collect();
        let message = unframe(&chunks).ok();
        prop_assert_eq!(message.as_deref(), oracle(&body, 16));
    }

    #[test]
    fn every_message_comes_back(message in vec(any::<u8>(), 0..2000), cut in 1..99_usize) {
        let mut unary = Unary::new(2000);
        for chunk in framed(&message).chunks(cut) {
            prop_assert_eq!(unary.push(chunk), Ok(()));
        }
        prop_assert_eq!(unary.finish(), Ok(Bytes::from(message)));
    }
}

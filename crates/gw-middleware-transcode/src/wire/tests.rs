//! Fields of every wire type, and bytes that are none.

use proptest::prelude::*;

use super::*;

#[test]
fn fields_come_with_their_numbers() {
    let message = b"\x08\x96\x01\x11abcdefgh\x1a\x02hi\x25abcd\x82\x01\x00";
    let fields: Vec<_> = Fields::of(message).collect();
    let number = |n| Ok((n, Held::Number));
    assert_eq!(
        fields,
        [number(1), number(2), Ok((3, Held::Bytes(b"hi"))), number(4), Ok((16, Held::Bytes(b"")))]
    );
}

#[test]
fn garbled_bytes_end_the_message() {
    for message in [
        &b"\x08"[..],
        b"\x0a\x02a",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x11abc",
        b"\x25abc",
        b"\x0b",
        b"\x0c",
        b"\x0f",
    ] {
        assert_eq!(Fields::of(message).collect::<Vec<_>>(), [Err(Garbled)], "{message:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// At least one byte goes with each field, whatever the bytes are.
    #[test]
    fn every_byte_string_ends(message in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(Fields::of(&message).count() <= message.len());
    }
}

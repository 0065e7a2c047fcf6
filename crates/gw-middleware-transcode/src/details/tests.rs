//! Details as kratos and others send them.

use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::*;

/// A field that holds bytes, of a number below 16 and less than 128 of them.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn any(kind: &str, message: &[u8]) -> Vec<u8> {
    field(3, &[field(1, kind.as_bytes()), field(2, message)].concat())
}

fn status(details: &[Vec<u8>]) -> Vec<u8> {
    [vec![8, 5], field(2, b"no such user"), details.concat()].concat()
}

/// Each length of the padding, and without it.
#[test]
fn an_unknown_type_keeps_its_bytes() {
    for (message, value) in [(&b""[..], ""), (b"\xff", "/w=="), (b"\xff\0", "/wA=")] {
        let status = status(&[any("type.googleapis.com/a.B", message), any("c", b"")]);
        let expected = vec![
            json!({ "@type": "type.googleapis.com/a.B", "value": value }),
            json!({ "@type": "c", "value": "" }),
        ];
        assert_eq!(parse(STANDARD.encode(&status).as_bytes()), Ok(expected.clone()), "{value}");
        assert_eq!(parse(STANDARD_NO_PAD.encode(&status).as_bytes()), Ok(expected), "{value}");
    }
}

#[test]
fn the_reason_of_an_error_is_readable() {
    let entry = |key: &[u8], value: &[u8]| field(3, &[field(1, key), field(2, value)].concat());
    let info = [field(1, b"USER_NOT_FOUND"), entry(b"user", b"7"), entry(b"of", b"a")].concat();
    let details = parse(STANDARD.encode(status(&[any(ERROR_INFO, &info)])).as_bytes()).unwrap();
    let expected = json!({
        "@type": ERROR_INFO, "reason": "USER_NOT_FOUND", "domain": "", "metadata": { "of": "a", "user": "7" },
    });
    assert_eq!(details, [expected]);

    let garbled = parse(STANDARD.encode(status(&[any(ERROR_INFO, b"\x0a")])).as_bytes()).unwrap();
    assert_eq!(garbled, [json!({ "@type": ERROR_INFO, "value": "Cg==" })], "passed on as it is");
}

#[test]
fn what_cannot_be_read_is_said_to_be_so() {
    for value in [&b"!"[..], b"CgI", b"\xff\xff", STANDARD.encode(field(3, b"\x0a\x01\xff")).as_bytes()] {
        assert_eq!(parse(value), Err(Garbled), "{value:?}");
    }
    assert_eq!(parse(b""), Ok(vec![]));
}

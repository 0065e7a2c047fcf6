//! Statuses, and what is said of them.

use super::*;

#[test]
fn a_status_is_digits() {
    for (text, expected) in [("0", Some(0)), ("14", Some(14)), ("99", Some(99)), ("05", Some(5))] {
        assert_eq!(Code::parse(&HeaderValue::from_static(text)), expected.map(Code), "{text}");
    }
    for text in ["", "+5", "-1", "5 ", "OK", "0,0", "99999999999"] {
        assert_eq!(Code::parse(&HeaderValue::from_static(text)), None, "{text}");
    }
}

#[test]
fn every_status_has_its_http_status() {
    let expected =
        [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401, 500, 500];
    for (code, expected) in expected.into_iter().enumerate() {
        assert_eq!(Code(u32::try_from(code).unwrap()).http().as_u16(), expected, "{code}");
    }
}

#[test]
fn the_message_is_decoded_and_details_that_cannot_be_read_are_left_out() {
    for (message, expected) in
        [("not for you", "not for you"), ("caf%C3%A9 %25", "café %"), ("100%", "100%"), ("%FF", "\u{fffd}")]
    {
        let mut fields = HeaderMap::new();
        fields.insert(MESSAGE, HeaderValue::from_static(message));
        fields.insert(DETAILS, HeaderValue::from_static("!"));
        assert_eq!(body(Code(7), &fields), json!({ "code": 7, "message": expected, "details": [] }));
    }
    assert_eq!(body(Code(2), &HeaderMap::new()), json!({ "code": 2, "message": "", "details": [] }));
}

//! What people write as durations, what is none, and that printing and parsing agree.

use std::time::Duration;

use proptest::prelude::*;

use super::{MAX, ParseError, format, parse};

#[track_caller]
fn check(text: &str, seconds: u64, nanos: u32) {
    assert_eq!(parse(text), Ok(Duration::new(seconds, nanos)), "{text}");
}

#[track_caller]
fn refused(text: &str, error: ParseError) {
    assert_eq!(parse(text), Err(error), "{text}");
}

#[test]
fn what_people_write() {
    check("0", 0, 0);
    check("0s", 0, 0);
    check("100ms", 0, 100_000_000);
    check("1.5s", 1, 500_000_000);
    check("1m30s", 90, 0);
    check("2h", 7200, 0);
    check("1h0m0.5s", 3600, 500_000_000);
    check("1.5h", 5400, 0);
    check("007s", 7, 0);
    check("1h2m3s4ms5us6ns", 3723, 4_005_006);
    for text in ["7us", "7\u{b5}s", "7\u{3bc}s", "0.007ms", "7000ns"] {
        check(text, 0, 7_000);
    }
    // protobuf's own form, to the last of its nine decimals.
    check("0.000000001s", 0, 1);
    check("1.000000000s", 1, 0);
    check("315576000000s", 315_576_000_000, 0);
}

#[test]
fn what_is_no_duration() {
    refused("", ParseError::Empty);
    refused("-1s", ParseError::Sign);
    refused("+1s", ParseError::Sign);
    refused("1m-1s", ParseError::Unit("m-".to_owned()));
    refused("5", ParseError::NoUnit("5".to_owned()));
    refused("1m30", ParseError::NoUnit("30".to_owned()));
    refused("0.0", ParseError::NoUnit("0.0".to_owned()));
    refused("1d", ParseError::Unit("d".to_owned()));
    refused("1S", ParseError::Unit("S".to_owned()));
    refused("1s ", ParseError::Unit("s ".to_owned()));
    refused("1 s", ParseError::Unit(" s".to_owned()));
    refused("1e3s", ParseError::Unit("e".to_owned()));
    refused("s", ParseError::Number("s".to_owned()));
    refused(" 1s", ParseError::Number(" ".to_owned()));
    refused("\u{661}s", ParseError::Number("\u{661}s".to_owned()));
    refused(".5s", ParseError::Number(".5".to_owned()));
    refused("1.s", ParseError::Number("1.".to_owned()));
    refused("1.2.3s", ParseError::Number("1.2.3".to_owned()));
    refused("30s1m", ParseError::Order);
    refused("1s1s", ParseError::Order);
    refused("1us1\u{b5}s", ParseError::Order);
    refused("0.0000000001s", ParseError::TooFine);
    refused("1.0000000000s", ParseError::TooFine);
    refused("0.5ns", ParseError::TooFine);
    refused("315576000000.000000001s", ParseError::TooLong);
    refused("315576000000s1ns", ParseError::TooLong);
    refused("18446744073709551615h", ParseError::TooLong);
    refused("99999999999999999999999999s", ParseError::TooLong);
}

#[test]
fn printing() {
    for (text, seconds, nanos) in [
        ("0s", 0, 0),
        ("1ns", 0, 1),
        ("1.5µs", 0, 1_500),
        ("100ms", 0, 100_000_000),
        ("1.000000001s", 1, 1),
        ("1m", 60, 0),
        ("1m30s", 90, 0),
        ("1h0.5s", 3600, 500_000_000),
        ("25h1m", 90_060, 0),
    ] {
        assert_eq!(format(Duration::new(seconds, nanos)), text);
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_parsed(seconds in 0..MAX.as_secs(), few in 0..200_000_u64, nanos in 0..1_000_000_000_u32) {
        for seconds in [seconds, few, 0] {
            for nanos in [nanos, nanos / 1000 * 1000, 0] {
                let duration = Duration::new(seconds, nanos);
                prop_assert_eq!(parse(&format(duration)), Ok(duration));
            }
        }
    }

    #[test]
    fn no_text_panics(text in "[0-9.hmsnuµ+ -]{0,30}", any: String) {
        let _ = (parse(&text), parse(&any));
    }
}

#[test]
fn as_serde_data() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Timeouts {
        #[serde(with = "super")]
        read: Duration,
        #[serde(with = "super::option", default)]
        write: Option<Duration>,
    }
    let timeouts = Timeouts { read: Duration::from_secs(90), write: None };
    let written = serde_json::to_string(&timeouts).unwrap();
    assert_eq!(written, r#"{"read":"1m30s","write":null}"#);
    assert_eq!(serde_json::from_str::<Timeouts>(&written).unwrap(), timeouts);
    let both = Timeouts { write: Some(Duration::from_millis(5)), ..timeouts };
    assert_eq!(serde_json::to_string(&both).unwrap(), r#"{"read":"1m30s","write":"5ms"}"#);
    assert_eq!(serde_json::from_str::<Timeouts>(r#"{"read": "90s", "write": "0.005s"}"#).unwrap(), both);
}

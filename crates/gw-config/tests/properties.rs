//! Whatever a file holds, reading it ends with a configuration or with complaints.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing helper fails its test")]

use gw_config::{Diagnostics, Document, Format, Style, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

const FORMATS: [Format; 3] = [Format::Toml, Format::Yaml, Format::Json];

const SAMPLES: [(Format, &str); 3] = [
    (Format::Toml, include_str!("../../../config/gateway.toml")),
    (Format::Yaml, include_str!("../../../config/kratos-helloworld.yaml")),
    (
        Format::Json,
        r#"{"name": "x", "endpoints": [{"path": "/", "backends": [{"target": "a:1", "weight": "3"}]}]}"#,
    ),
];

/// Reads bytes, and shows what is wrong with them.
fn read(format: Format, bytes: &[u8]) {
    let found = Document::from_bytes("x", format, bytes).and_then(parse);
    if let Err(errors) = found {
        assert!(!errors.is_empty());
        let _ = errors.render(Style::Plain);
    }
}

/// What means something to a parser; each piece stands between spaces here.
const PIECES: &str = r#"{ } [ ] [[ ]] : - , = ' " ''' """ | > &a *a <<: !!str !x ? # % --- ... \\ \u00e4 \ud800 0x 1e9 -1 1.5
    true null ~ endpoints name path backends retry timeout 1s / ä 😀"#;

/// And those that are space themselves, or look like it.
const SPACES: [&str; 9] = ["\n", "\n  ", "\n    ", "\t", " ", "\r\n", "\u{feff}", "\u{85}\u{2028}", "\0"];

/// Text of such pieces.
fn pieces() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = PIECES.split_whitespace().collect();
    let piece = prop_oneof![
        3 => prop::sample::select(pieces).prop_map(str::to_owned),
        3 => prop::sample::select(&SPACES[..]).prop_map(str::to_owned),
        1 => "[ -~]{1,3}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in FORMATS {
            read(format, &bytes);
        }
    }

    #[test]
    fn no_text_is_too_odd(text in pieces()) {
        for format in FORMATS {
            read(format, text.as_bytes());
        }
    }

    #[test]
    fn no_damage_to_a_good_file_is_too_odd(at in 0.0..1.0, length in 0_usize..40, piece in pieces()) {
        for (format, sample) in SAMPLES {
            let mut bytes = sample.as_bytes().to_vec();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
            let at = (bytes.len() as f64 * at) as usize;
            read(format, &bytes[..at]);
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, piece.bytes());
            read(format, &bytes);
        }
    }

    #[test]
    fn each_unknown_key_is_reported(places in prop::collection::vec(0..TABLES, 0..60)) {
        let document = with_unknown(&places);
        let codes = |found: Result<Vec<_>, Diagnostics>| match found {
            Ok(warnings) => warnings.len(),
            Err(errors) => errors.iter().filter(|d| d.code == "GW0101").count(),
        };
        let json = |strict: bool| {
            let mut document = document.clone();
            document["strict"] = strict.into();
            let found = parse(Document::new("x", Format::Json, document.to_string()));
            prop_assert_eq!(found.is_err(), strict && !places.is_empty());
            prop_assert_eq!(codes(found.map(|loaded| loaded.warnings)), places.len());
            Ok(())
        };
        json(true)?;
        json(false)?;
        let toml = toml::to_string(&document).unwrap();
        let found = parse(Document::new("x", Format::Toml, toml));
        prop_assert_eq!(codes(found.map(|loaded| loaded.warnings)), places.len());
    }
}

/// How many tables of the document below have fixed keys.
const TABLES: usize = 8;

/// A good document with unknown keys in the tables of these numbers.
fn with_unknown(places: &[usize]) -> Value {
    let mut document = json!({
        "listeners": [{"address": ":1", "limits": {"connections": 1}}],
        "admin": {"address": ":2"},
        "tls_store": {"a": {"insecure": true}},
        "middlewares": [{"name": "x", "options": {"any": {"thing": 1}}}],
        "endpoints": [{
            "path": "/", "metadata": {"any": "thing"},
            "backends": [{"target": "a:1", "metadata": {"any": "thing"}}],
            "retry": {"conditions": [{"by_status_code": "500"}]},
        }],
    });
    let tables = [
        "",
        "/listeners/0",
        "/listeners/0/limits",
        "/tls_store/a",
        "/middlewares/0",
        "/endpoints/0",
        "/endpoints/0/backends/0",
        "/endpoints/0/retry/conditions/0",
    ];
    for (number, place) in places.iter().enumerate() {
        let table = document.pointer_mut(tables[*place]).and_then(Value::as_object_mut).unwrap();
        table.insert(format!("zzz{number}"), Value::from(1));
    }
    document
}

//! What a factory gets of its options: values, faults with whole paths, warnings.

use serde::Deserialize;

use super::Options;
use crate::{Dialect, Fault, Key, Kind, Severity, Span, Spanned, Value};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Cors {
    allow_origins: Vec<String>,
    allow_credentials: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaker {
    ratio: u8,
}

fn table(entries: &[(&str, Kind)]) -> Value {
    let entry = |(index, (key, kind)): (usize, &(&str, Kind))| {
        let at = 10 * index;
        (Key::new(*key, Span::new(at, at + 1)), Value::new(kind.clone(), Span::new(at + 2, at + 3)))
    };
    Value::new(Kind::Table(entries.iter().enumerate().map(entry).collect()), Span::new(0, 100))
}

fn brief(faults: &[Fault]) -> Vec<(&str, &str, usize)> {
    faults.iter().map(|fault| (fault.code, fault.path.as_str(), fault.span.start)).collect()
}

#[test]
fn none_is_an_empty_table() {
    assert_eq!(Options::none().decode::<Cors>(), Ok(Cors::default()));
    assert_eq!(Options::new(Value::default(), Dialect::Go, true).decode::<Cors>(), Ok(Cors::default()));
    let middleware = Options::none().with_path("middlewares[0].options").with_span(Span::new(7, 9));
    let faults = middleware.decode::<Breaker>().unwrap_err();
    assert_eq!(brief(&faults), [("GW0103", "middlewares[0].options.ratio", 7)]);
}

#[test]
fn go_options_carry_their_type() {
    let value = table(&[("@type", "type.googleapis.com/x".into()), ("allowCredentials", true.into())]);
    let options = Options::new(value.clone(), Dialect::Go, true);
    assert!(options.decode::<Cors>().unwrap().allow_credentials);
    assert_eq!(options.span(), Span::new(0, 100));
    let faults = Options::new(value, Dialect::Native, false).decode::<Cors>().unwrap_err();
    assert_eq!(brief(&faults), [("GW0101", "\"@type\"", 0), ("GW0101", "allowCredentials", 10)]);
}

#[test]
fn warnings_gather_once() {
    let value = table(&[("allowOrigin", "*".into()), ("allowCredentials", true.into())]);
    let options = Options::new(value.clone(), Dialect::Go, false).with_path("a[0].options");
    assert_eq!(options.warnings(), []);
    for _ in 0..2 {
        assert!(options.decode::<Cors>().unwrap().allow_credentials);
        assert_eq!(brief(&options.warnings()), [("GW0101", "a[0].options.allowOrigin", 0)]);
    }
    let copy = options.clone();
    assert_eq!((copy.warnings(), copy.path()), (options.warnings(), options.path()));
    let faults = Options::new(value, Dialect::Go, true).decode::<Cors>().unwrap_err();
    assert!(faults[0].is_error());
}

#[test]
fn a_part_has_its_place_and_warns_with_the_whole() {
    let options = Options::new(table(&[]), Dialect::Go, false).with_path("options");
    let part = options.part("backup.endpoint", table(&[("allowOrigin", "*".into())]));
    assert!(part.decode::<Cors>().is_ok());
    assert_eq!(brief(&options.warnings())[0].1, "options.backup.endpoint.allowOrigin");
    assert_eq!((part.dialect(), part.is_strict()), (Dialect::Go, false));
}

#[test]
fn paths_of_what_is_no_key() {
    let list = Value::new(Kind::Array(vec![Value::default()]), Span::new(3, 4));
    let options = Options::new(list, Dialect::Native, false).with_path("options");
    assert_eq!(brief(&options.decode::<Vec<bool>>().unwrap_err())[0].1, "options[0]");
    assert_eq!(brief(&options.decode::<Cors>().unwrap_err()), [("GW0102", "options", 3)]);
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Window {
    share: Option<Spanned<i64>>,
    length: Option<i64>,
    nested: Option<Spanned<Cors>>,
}

/// What decoding and a rule on top of it find: the share is at most 1, and the nested table allows credentials.
fn lowered(value: Value) -> Result<i64, Vec<Fault>> {
    let options = Options::new(value, Dialect::Native, false).with_path("a.b");
    options.lower(|window: Window, faults| {
        let mut find = |code: &'static str, span| {
            let (path, message) = (code.to_owned(), String::new());
            faults.push(Fault { code, severity: Severity::Error, message, span, path, help: None });
        };
        let share = window.share.unwrap_or_default();
        if *share > 1 {
            find("share", share.span());
        }
        if let Some(nested) = window.nested.filter(|nested| !nested.allow_credentials) {
            find("a.b.nested", nested.span());
        }
        (*share <= 1).then_some(*share)
    })
}

#[test]
fn what_decoding_and_what_lowering_finds_is_told_together() {
    let both = table(&[("length", "long".into()), ("share", 7.into()), ("lenght", 1.into())]);
    let faults = lowered(both).unwrap_err();
    assert_eq!(
        brief(&faults),
        [("GW0102", "a.b.length", 2), ("share", "a.b.share", 12), ("GW0101", "a.b.lenght", 20)]
    );
    assert_eq!(lowered(table(&[("share", 1.into())])), Ok(1));
    assert_eq!(lowered(table(&[("lenght", 1.into())])).unwrap_err().len(), 1, "what could be made is not");
}

#[test]
fn what_follows_from_an_error_inside_is_not_told() {
    let nested = |key: &str| {
        let entry = (Key::new(key, Span::new(30, 40)), Value::new(Kind::Bool(false), Span::new(41, 42)));
        let nested = Value::new(Kind::Table(vec![entry]), Span::new(29, 43));
        let key = Key::new("nested", Span::new(20, 28));
        Value::new(Kind::Table(vec![(key, nested)]), Span::new(0, 100))
    };
    assert_eq!(
        brief(&lowered(nested("allow_credential")).unwrap_err()),
        [("GW0101", "a.b.nested.allow_credential", 30)]
    );
    assert_eq!(brief(&lowered(nested("allow_credentials")).unwrap_err()), [("a.b.nested", "a.b.nested", 29)]);
}

#[test]
fn places_are_as_deep_as_what_is_written() {
    let value = table(&[("successRatio", table(&[("window", 1.into())]).kind)]);
    let options = Options::new(value, Dialect::Go, false);
    assert_eq!(options.place(&["success_ratio", "window"]), Span::new(2, 3));
    assert_eq!(options.place(&["success_ratio", "bucket"]), Span::new(2, 3));
    assert_eq!(options.place(&["window"]), Span::new(0, 100));
}

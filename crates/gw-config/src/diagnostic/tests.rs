//! Reports as people see them.

use std::sync::Arc;

use gw_value::Span;

use super::*;

fn report(text: &str, list: Vec<Diagnostic>, style: Style) -> String {
    Diagnostics::new(Arc::new(Document::new("gateway.toml", Format::Toml, text)), list).render(style)
}

#[track_caller]
fn check(text: &str, diagnostic: Diagnostic, expect: &str) {
    let found = report(text, vec![diagnostic], Style::Plain);
    assert_eq!(found, format!("{expect}\n"), "\n{found}");
}

#[test]
fn a_whole_report() {
    let text = "[[endpoints]]\npath = '/*'\ntimeuot = '1s'\n";
    let diagnostic = Diagnostic::error("GW0101", "unknown key `timeuot`", Span::new(26, 33))
        .with_path("endpoints[0].timeuot")
        .with_help("did you mean `timeout`?");
    check(
        text,
        diagnostic,
        "\
error[GW0101]: unknown key `timeuot`
 --> gateway.toml:3:1
  |
3 | timeuot = '1s'
  | ^^^^^^^ endpoints[0].timeuot
  |
  = help: did you mean `timeout`?
  = note: see docs/errors/GW0101.md",
    );
}

#[test]
fn of_several_lines_the_first() {
    check(
        "a = [\n  1,\n]\n",
        Diagnostic::warning("GW0102", "odd", Span::new(4, 12)),
        "\
warning[GW0102]: odd
 --> gateway.toml:1:5
  |
1 | a = [
  |     ^
  |
  = note: see docs/errors/GW0102.md",
    );
}

#[test]
fn without_a_place() {
    check(
        "a = 1",
        Diagnostic::error("GW0205", "the document is empty", Span::NONE),
        "\
error[GW0205]: the document is empty
--> gateway.toml
 = note: see docs/errors/GW0205.md",
    );
    let report =
        report("", vec![Diagnostic::error("GW0102", "no", Span::NONE).with_path("a.b")], Style::Plain);
    assert!(report.starts_with("error[GW0102]: a.b: no\n"), "{report}");
}

#[test]
fn at_the_end_of_a_line_and_of_the_text() {
    for (text, at, place) in
        [("a = ", 4, ":1:5"), ("a = \nb", 4, ":1:5"), ("a\n", 2, ":2:1"), ("ä\r\nb", 2, ":1:2")]
    {
        let report = report(text, vec![Diagnostic::error("GW0203", "x", Span::new(at, at))], Style::Plain);
        assert!(report.contains(&format!("gateway.toml{place}\n")), "{text:?}\n{report}");
    }
}

#[test]
fn of_a_very_long_line_only_the_place() {
    let text = format!("x = [{}]", "1, ".repeat(100_000));
    let report =
        report(&text, vec![Diagnostic::error("GW0102", "no", Span::new(9_005, 9_006))], Style::Plain);
    assert!(report.contains("gateway.toml:1:9006\n"), "{report}");
    assert!(report.len() < 200, "{report}");
}

#[test]
fn in_the_documents_order() {
    let at = |start: usize| Diagnostic::error("GW0102", "x", Span::new(start, start + 1));
    let none = Diagnostic::error("GW0102", "x", Span::NONE);
    let document = Arc::new(Document::new("x", Format::Toml, "abc"));
    let sorted = Diagnostics::new(document, vec![at(2), none.clone(), at(0)]);
    assert_eq!(sorted.list(), [at(0), at(2), none]);
}

#[test]
fn colours_only_on_request() {
    let list = || vec![Diagnostic::error("GW0102", "x", Span::new(0, 1))];
    assert!(report("abc", list(), Style::Coloured).contains('\u{1b}'));
    assert!(!report("abc", list(), Style::Plain).contains('\u{1b}'));
}

#[test]
fn help_adds_up() {
    let diagnostic =
        Diagnostic::error("GW0102", "x", Span::NONE).with_help("a").into_warning().with_help("b");
    assert_eq!((diagnostic.is_error(), diagnostic.help), (false, vec!["a".to_owned(), "b".to_owned()]));
}

proptest::proptest! {
    #[test]
    fn no_place_is_too_odd(text in "[ab\u{e4}\u{1f600}\t\r\n\u{7}]{0,40}", start in 0_usize..60, end in 0_usize..60) {
        for style in [Style::Plain, Style::Coloured] {
            report(&text, vec![Diagnostic::error("GW0203", "x", Span::new(start, end)).with_path("a")], style);
        }
    }
}

//! Contexts from the wire: a table, and the grammar as an oracle.

use proptest::prelude::*;

use super::*;

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const SPAN: u64 = 0x00f0_67aa_0ba9_02b7;

#[track_caller]
fn check(values: &[&str], expect: Option<u8>) {
    let mut fields = HeaderMap::new();
    for value in values {
        fields.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
    }
    let expect = expect.map(|flags| Parent { trace: TraceId(TRACE), span: SpanId(SPAN), flags });
    assert_eq!(Parent::of(&fields), expect, "{values:?}");
}

#[test]
fn contexts() {
    let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    check(&[valid], Some(1));
    check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"], Some(0));
    check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"], Some(3));
    // Flags that nobody has defined are not passed on.
    check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"], Some(3));
    // Later versions, with more or without.
    check(&["01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], Some(1));
    check(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-ever"], Some(1));
    check(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01what"], None);
    check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"], None);
    check(&["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], None);
    // Malformed.
    check(&[], None);
    check(&[""], None);
    check(&[valid, valid], None);
    check(&["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"], None);
    check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bX-01"], None);
    check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"], None);
    check(&["00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], None);
    check(&["00-00000000000000000000000000000000-00f067aa0ba902b7-01"], None);
    check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"], None);
    check(&[trace], None);
}

#[test]
fn a_child_is_another_span_of_the_trace() {
    let parent = Parent { trace: TraceId(TRACE), span: SpanId(SPAN), flags: SAMPLED | RANDOM };
    let child = parent.child();
    assert_eq!((child.trace, child.flags, child.is_sampled()), (parent.trace, parent.flags, true));
    assert_ne!(child.span, parent.span);
    assert!(!Parent::root(TraceId(1), false).is_sampled());
}

/// The grammar as one expression over text, apart from the parser.
fn oracle(text: &str) -> Option<(u128, u64, u8)> {
    let mut parts = text.splitn(5, '-');
    let [version, trace, span, flags] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let lower_hex = |part: &str, length| {
        part.len() == length && part.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    };
    let shaped = lower_hex(version, 2) && lower_hex(trace, 32) && lower_hex(span, 16) && lower_hex(flags, 2);
    if !shaped || version == "ff" || version == "00" && parts.next().is_some() {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
    let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?;
    Some((trace, span, u8::from_str_radix(flags, 16).ok()? & 3))
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace in 1..=u128::MAX, span in 1..=u64::MAX, flags in 0..4_u8) {
        let written = Parent { trace: TraceId(trace), span: SpanId(span), flags };
        prop_assert_eq!(Parent::parse(written.field().as_bytes()), Some(written));
    }

    #[test]
    fn reading_follows_the_grammar(
        valid in "(00|ff|0[1-9a-f])-([0-9a-f]{32}|0{31}[01])-([0-9a-f]{16}|0{15}[01])-[0-9a-f]{2}",
        broken in proptest::option::of((0..55_usize, "[0-9a-fA-Fg_-]")),
        more in "|-|-[a-z-]{1,4}|[a-z]",
    ) {
        let mut text = valid + &more;
        if let Some((at, byte)) = broken {
            text.replace_range(at..=at, &byte);
        }
        let read = Parent::parse(text.as_bytes()).map(|parent| (parent.trace.0, parent.span.0, parent.flags));
        prop_assert_eq!(read, oracle(&text), "{}", text);
    }

    #[test]
    fn anything_can_be_read(text: Vec<u8>) {
        let _ = Parent::parse(&text);
    }
}

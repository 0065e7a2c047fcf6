//! The pages of `docs/errors/`: one for each code, each with an example that triggers it and one that does not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing helper fails its test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use gw_config::{CODES, Document, Format, parse};

/// Codes whose examples need more than this crate: they must only be free of errors here.
const ELSEWHERE: &[&str] =
    &["GW0301", "GW0303", "GW0304", "GW0305", "GW0306", "GW0307", "GW0308", "GW0309", "GW0310"];

/// Codes without a block to execute: they are about files or directories, or about options of middlewares.
const WITHOUT_EXAMPLE: &[&str] = &["GW0108", "GW0201", "GW0202", "GW0227", "GW0302", "GW0305", "GW0312"];

fn pages() -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The code blocks below a heading.
fn blocks(page: &str, heading: &str) -> Vec<(Format, String)> {
    let Some((_, section)) = page.split_once(&format!("\n## {heading}\n")) else { return Vec::new() };
    let section = section.split("\n## ").next().unwrap();
    let fences: Vec<&str> = section.split("```").collect();
    let blocks = fences.chunks(2).filter_map(|pair| pair.get(1)?.split_once('\n'));
    blocks
        .map(|(language, text)| {
            let format = match language {
                "toml" => Format::Toml,
                "yaml" => Format::Yaml,
                other => panic!("a block of `{other}`"),
            };
            (format, text.to_owned())
        })
        .collect()
}

/// Codes of what a document is complained about for, warnings in the second list.
fn codes(format: Format, text: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let found = match parse(Document::new("example", format, text)) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.into_inner(),
    };
    let of = |error: bool| found.iter().filter(|d| d.is_error() == error).map(|d| d.code).collect();
    (of(true), of(false))
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let mut pages = pages();
    let index = pages.remove("README").unwrap();
    let expect: Vec<_> = CODES.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(pages.keys().cloned().collect::<Vec<_>>(), expect);
    for (code, title) in CODES {
        assert!(pages[*code].starts_with(&format!("# {code}: {title}\n\n")), "{code}");
        assert!(index.contains(&format!("| [{code}]({code}.md) | {title} |\n")), "{code}");
    }
}

#[test]
fn the_examples_do_what_the_pages_say() {
    for (code, _) in CODES {
        let page = &pages()[*code];
        let examples = blocks(page, "Example");
        let corrected = blocks(page, "Corrected");
        assert_eq!(examples.is_empty(), WITHOUT_EXAMPLE.contains(code), "{code}");
        assert_eq!(examples.len(), corrected.len(), "{code}");
        for (format, text) in examples {
            let (errors, warnings) = codes(format, &text);
            let expect = if ELSEWHERE.contains(code) { Vec::new() } else { vec![*code] };
            assert_eq!([errors, warnings].concat(), expect, "{code}: {text}");
        }
        for (format, text) in corrected {
            assert_eq!(codes(format, &text), (Vec::new(), Vec::new()), "{code}: {text}");
        }
    }
}

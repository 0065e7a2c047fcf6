//! Documents: formats, positions, and files that are none.

use super::*;

#[track_caller]
fn check(text: &str, at: usize, line: usize, column: usize) {
    let document = Document::new("x", Format::Toml, text);
    assert_eq!(document.position(Span::new(at, at)), Position { line, column });
}

#[track_caller]
fn refused(bytes: &[u8], code: &str, message: &str, position: &str) {
    let errors = Document::from_bytes("x.toml", Format::Toml, bytes).unwrap_err();
    let [found] = errors.list() else { panic!("{errors}") };
    assert_eq!(found.code, code);
    assert!(found.message.contains(message), "{}", found.message);
    assert_eq!(errors.document().position(found.span).to_string(), position);
}

#[test]
fn positions() {
    check("", 0, 1, 1);
    check("abc", 2, 1, 3);
    check("a\nb", 2, 2, 1);
    check("a\n", 2, 2, 1);
    check("ä\nöx", 5, 2, 2);
    // Inside a character: its start.
    check("ä", 1, 1, 1);
    check("ab", 99, 1, 3);
    let document = Document::new("x", Format::Toml, "a");
    assert_eq!(document.position(Span::NONE).to_string(), "not in the document");
    assert_eq!(document.position(Span::new(0, 1)).to_string(), "at line 1, column 1");
}

#[test]
fn formats_and_dialects() {
    for (path, format) in [
        ("gateway.toml", Some(Format::Toml)),
        ("/etc/gateway/config.YAML", Some(Format::Yaml)),
        ("a.yml", Some(Format::Yaml)),
        ("a.json", Some(Format::Json)),
        ("a.conf", None),
        ("toml", None),
    ] {
        assert_eq!(Format::of(Path::new(path)), format, "{path}");
    }
    assert_eq!(Format::Toml.dialect(), Dialect::Native);
    assert_eq!((Format::Yaml.dialect(), Format::Json.dialect()), (Dialect::Go, Dialect::Go));
}

#[test]
fn a_byte_order_mark_is_dropped() {
    let document = Document::from_bytes("x", Format::Toml, "\u{feff}a = 1".as_bytes()).unwrap();
    assert_eq!(document.text(), "a = 1");
}

#[test]
fn the_digest_is_of_the_content() {
    let digest = |text| Document::new("x", Format::Toml, text).sha256().to_owned();
    assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ne!(digest("abc"), digest("abd"));
}

#[test]
fn not_utf8() {
    refused(b"a = 1\nb = '\xff'\n", NOT_UTF8, "byte 0xff at offset 11", "at line 2, column 6");
    refused(b"\xef\xbb\xbfa\xc3", NOT_UTF8, "byte 0xc3 at offset 4", "at line 1, column 2");
}

#[test]
fn too_large() {
    refused(&vec![b'#'; MAX_BYTES + 1], TOO_LARGE, "16 MiB", "not in the document");
    assert!(Document::from_bytes("x", Format::Toml, &vec![b'#'; MAX_BYTES]).is_ok());
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let code = |path: &Path| Document::read(path).unwrap_err().list()[0].code;
    assert_eq!(code(&directory.path().join("none.toml")), UNREADABLE);
    let folder = directory.path().join("folder.toml");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(code(&folder), UNREADABLE);
    let unknown = directory.path().join("gateway.conf");
    std::fs::write(&unknown, "a = 1").unwrap();
    assert_eq!(code(&unknown), UNREADABLE);
    let file = directory.path().join("gateway.toml");
    std::fs::write(&file, "a = 1").unwrap();
    assert_eq!(Document::read(&file).unwrap().text(), "a = 1");
}

#[test]
fn debug_does_not_show_the_content() {
    assert!(!format!("{:?}", Document::new("x", Format::Toml, "secret = 'abc'")).contains("abc"));
}

//! Overrides: where they land, how they are typed, and how they are blamed.

use std::time::Duration;

use crate::{Document, Format, Loaded, parse_with};

fn with(format: Format, text: &str, overrides: &[(&str, &str)]) -> Result<Loaded, crate::Diagnostics> {
    let overrides: Vec<_> = overrides
        .iter()
        .map(|(path, value)| (path.split('.').map(str::to_owned).collect(), (*value).to_owned()))
        .collect();
    parse_with(Document::new("x", format, text), &overrides)
}

#[test]
fn keys_are_replaced_or_added() {
    let text = "version = 'a'\n[[endpoints]]\npath = '/a'\nbackends = [{ target = 'x:1' }]\n[admin]\naddress = ':1'\n";
    let loaded = with(
        Format::Toml,
        text,
        &[
            ("version", "b"),
            ("admin.address", ":2"),
            ("client.connect_timeout", "2s"),
            ("client.max_pending", "7"),
            ("endpoints.0.path", "/b"),
            ("endpoints.0.stream", "true"),
            ("endpoints.0.methods", "['GET', 'PUT']"),
            ("name", "\"1\""),
        ],
    )
    .unwrap();
    let gateway = loaded.gateway;
    assert_eq!(
        (gateway.version.as_str(), gateway.name.as_str(), gateway.admin.address.as_str()),
        ("b", "1", ":2")
    );
    assert_eq!(gateway.client.connect_timeout, Some(Duration::from_secs(2)));
    assert_eq!(gateway.client.max_pending, Some(7));
    let endpoint = &gateway.endpoints[0];
    assert_eq!((endpoint.path.as_str(), endpoint.stream, endpoint.methods.len()), ("/b", true, 2));
}

#[test]
fn camel_case_keys_are_found() {
    let loaded =
        with(Format::Yaml, "client: {connectTimeout: 1s}\n", &[("client.connect_timeout", "3s")]).unwrap();
    assert_eq!(loaded.gateway.client.connect_timeout, Some(Duration::from_secs(3)));
}

#[test]
fn a_bad_one_names_its_variable() {
    let errors =
        with(Format::Toml, "name = 'x'", &[("client.connect_timeout", "soon"), ("nane", "x")]).unwrap_err();
    let report = errors.to_string();
    assert_eq!(errors.len(), 2, "{report}");
    assert!(report.contains("GATEWAY__CLIENT__CONNECT_TIMEOUT"), "{report}");
    assert!(report.contains("GATEWAY__NANE"), "{report}");
}

#[test]
fn text_that_breaks_out_of_its_value_stays_text() {
    let loaded = with(Format::Toml, "name = 'x'", &[("name", "'a'\nversion = 'b'")]).unwrap();
    assert_eq!(loaded.gateway.name, "'a'\nversion = 'b'");
}

#[test]
fn an_item_that_a_list_has_not_is_blamed_on_the_variable() {
    let text = "[[endpoints]]\npath = '/'\nbackends = [{ target = 'x:1' }]\n";
    for (path, item) in
        [("endpoints.7.timeout", "7"), ("endpoints.1", "1"), ("endpoints.first.timeout", "first")]
    {
        let errors = with(Format::Toml, text, &[(path, "2s")]).unwrap_err();
        let variable = path.replace('.', "__").to_ascii_uppercase();
        let expect =
            format!("GATEWAY__{variable}: `endpoints` has no item `{item}`; it has 1, counted from 0");
        assert_eq!((errors.len(), errors.list()[0].message.as_str()), (1, expect.as_str()));
    }
}

//! Each check with what it complains about and what it lets pass.

use crate::v1::Protocol;
use crate::{Diagnostic, Document, Format, parse};

/// Codes with what they point at.
fn found(format: Format, text: &str) -> Vec<(String, String)> {
    let diagnostics = match parse(Document::new("test", format, text)) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.into_inner(),
    };
    let at = |d: &Diagnostic| {
        text.get(d.span.start..d.span.end).unwrap_or("").lines().next().unwrap_or("").to_owned()
    };
    diagnostics
        .iter()
        .map(|d| (format!("{}{}", d.code, if d.is_error() { "" } else { "?" }), at(d)))
        .collect()
}

/// Expects of a TOML document these codes, `?` behind a warning's, with the first line they point at.
#[track_caller]
fn toml(text: &str, expect: &[(&str, &str)]) {
    let found = found(Format::Toml, text);
    let found: Vec<_> = found.iter().map(|(code, at)| (code.as_str(), at.as_str())).collect();
    assert_eq!(found, expect, "{text}");
}

#[track_caller]
fn yaml(text: &str, expect: &[(&str, &str)]) {
    let found = found(Format::Yaml, text);
    let found: Vec<_> = found.iter().map(|(code, at)| (code.as_str(), at.as_str())).collect();
    assert_eq!(found, expect, "{text}");
}

/// An endpoint with backends and these further lines.
#[track_caller]
fn endpoint(lines: &str, expect: &[(&str, &str)]) {
    let backend = if lines.contains("backends") { "" } else { "backends = [{ target = '127.0.0.1:1' }]\n" };
    toml(&format!("[[endpoints]]\npath = '/*'\n{backend}{lines}\n"), expect);
}

#[test]
fn nothing_to_complain_about() {
    endpoint("", &[]);
    toml("name = 'empty'", &[]);
    yaml("name: empty\nendpoints: []\n", &[]);
}

#[test]
fn what_is_missing_is_told_at_its_table() {
    toml("[[endpoints]]\nbackends = [{ target = 'a:1' }]\n", &[("GW0103", "[[endpoints]]")]);
    endpoint("backends = [{ weight = 1 }]", &[("GW0103", "{ weight = 1 }")]);
    endpoint("middlewares = [{ options = {} }]", &[("GW0103", "{ options = {} }")]);
    toml("middlewares = [{ required = true }]", &[("GW0103", "{ required = true }")]);
    yaml("endpoints:\n- path: null\n  backends: [{target: 'a:1'}]\n", &[("GW0103", "path: null")]);
    // What is wrong with it is enough, and what is empty is there.
    toml("[[endpoints]]\npath = 5\nbackends = [{ target = 'a:1' }]\n", &[("GW0102", "5")]);
    toml("[[endpoints]]\npath = ''\nbackends = [{ target = 'a:1' }]\n", &[]);
}

#[test]
fn backends() {
    endpoint("backends = []", &[("GW0210", "[[endpoints]]")]);
    yaml("endpoints:\n- path: /a\n", &[("GW0210?", "path: /a")]);
    // What is wrong with them is enough.
    endpoint("backends = [1]", &[("GW0102", "1")]);
    endpoint("backends = 'x'", &[("GW0102", "'x'")]);
    for weight in ["0", "1", "65535"] {
        endpoint(&format!("backends = [{{ target = 'a:1', weight = {weight} }}]"), &[]);
    }
    for weight in ["-1", "65536", "9223372036854775807"] {
        endpoint(&format!("backends = [{{ target = 'a:1', weight = {weight} }}]"), &[("GW0211", weight)]);
    }
    yaml("endpoints: [{path: /, backends: [{target: 'a:1', weight: '70000'}]}]", &[("GW0211", "'70000'")]);
}

#[test]
fn addresses() {
    #[track_caller]
    fn check(address: &str, good: bool) {
        let quoted = format!("'{address}'");
        let expect = [("GW0212", quoted.as_str())];
        toml(&format!("[[listeners]]\naddress = {quoted}"), if good { &[] } else { &expect });
        toml(&format!("[admin]\naddress = {quoted}"), if good || address.is_empty() { &[] } else { &expect });
    }
    for good in [":9080", ":0", "127.0.0.1:80", "[::1]:80", "0.0.0.0:1", "localhost:81"] {
        check(good, true);
    }
    for bad in [
        "",
        "80",
        ":",
        ":x",
        ":65536",
        ":-1",
        ":+1",
        "host",
        "example.com:80",
        "::1:80",
        "127.0.0.1",
        "1.2.3:80",
    ] {
        check(bad, false);
    }
}

#[test]
fn two_listeners_on_one_address() {
    #[track_caller]
    fn check(first: &str, second: &str, collide: bool) {
        let quoted = format!("'{second}'");
        let expect = [("GW0213", quoted.as_str())];
        let text = format!("[[listeners]]\naddress = '{first}'\n[[listeners]]\naddress = {quoted}");
        toml(&text, if collide { &expect } else { &[] });
        let text = format!("[[listeners]]\naddress = '{first}'\n[admin]\naddress = {quoted}");
        toml(&text, if collide { &expect } else { &[] });
    }
    check(":80", ":80", true);
    check(":80", "127.0.0.1:80", true);
    check("0.0.0.0:80", "127.0.0.1:80", true);
    check("127.0.0.1:80", "0.0.0.0:80", true);
    check("localhost:80", "127.0.0.1:80", true);
    check(":80", ":81", false);
    check(":0", ":0", false);
    check("127.0.0.1:80", "127.0.0.2:80", false);
    check("0.0.0.0:80", "[::1]:80", false);
    check("0.0.0.0:80", "[::]:80", false);
    toml("[admin]\naddress = ':8080'", &[("GW0213", "':8080'")]);
}

#[test]
fn limits() {
    toml(
        "[[listeners]]\n[listeners.limits]\nconnections = 0\nread_timeout = '0s'",
        &[("GW0225", "0"), ("GW0225", "'0s'")],
    );
    yaml("listeners: [{limits: {http2Streams: 0}}]", &[("GW0225", "0")]);
    toml("[[listeners]]\nlimits = { body_bytes = 0, min_body_rate = 0, max_connection_age = '1h' }", &[]);
    yaml("listeners: [{limits: {maxConnectionAge: 0s}}]", &[("GW0225", "0s")]);
}

#[test]
fn networks() {
    toml("[[listeners]]\ntrusted_proxies = ['10.0.0.0/8', '::1', '192.0.2.1']", &[]);
    toml(
        "[[listeners]]\ntrusted_proxies = ['10.0.0.0/33', 'lan', '10.0.0.1']",
        &[("GW0220", "'10.0.0.0/33'"), ("GW0220", "'lan'")],
    );
}

#[test]
fn tls_profiles() {
    let backend =
        |name: &str| format!("backends = [{{ target = 'a:1', tls = true, tls_config_name = '{name}' }}]");
    endpoint(&format!("{}\n[tls_store.inner]\ninsecure = true", backend("inner")), &[]);
    endpoint(&format!("{}\n[tls_store.inner]\n", backend("iner")), &[("GW0214", "'iner'")]);
    endpoint(&backend("inner"), &[("GW0214", "'inner'")]);
    // A profile that cannot be read is there all the same.
    endpoint(&format!("{}\n[tls_store]\ninner = 1", backend("inner")), &[("GW0102", "1")]);
    yaml(
        "endpoints: [{path: /, backends: [{target: 'a:1', tlsConfigName: x}]}]\ntlsStore: {y: {}}",
        &[("GW0214", "x")],
    );
}

#[test]
fn certificates_and_keys_come_in_pairs() {
    toml("[tls_store.a]\ncert = 'c'\nkey = 'k'\n[tls_store.b]\ninsecure = true", &[]);
    toml("[tls_store.a]\ncert = 'c'", &[("GW0215", "[tls_store.a]")]);
    toml("[tls_store.a]\nkey = 'k'", &[("GW0215", "[tls_store.a]")]);
    toml("[tls_store.a]\ncert = 'c'\nkey = 1", &[("GW0102", "1")]);
    toml("[[listeners]]\ncertificates = [{ cert = 'c' }]", &[("GW0215", "{ cert = 'c' }")]);
}

#[test]
fn retries() {
    endpoint("retry = { attempts = 3, conditions = [{ by_status_code = '502' }] }", &[]);
    endpoint("stream = true\nretry = { attempts = 2 }", &[("GW0216", "{ attempts = 2 }")]);
    endpoint("retry = { attempts = 0 }", &[("GW0224", "0")]);
    endpoint("retry = { attempts = 17 }", &[("GW0224", "17")]);
    let go = |attempts: &str| {
        format!("endpoints: [{{path: /, backends: [{{target: 'a:1'}}], retry: {{attempts: {attempts}}}}}]")
    };
    yaml(&go("0"), &[]);
    yaml(&go("17"), &[("GW0224?", "17")]);
}

#[test]
fn conditions() {
    #[track_caller]
    fn check(condition: &str, expect: &[(&str, &str)]) {
        endpoint(&format!("retry = {{ conditions = [{condition}] }}"), expect);
    }
    check("{}", &[("GW0217", "{}")]);
    check("{ by_header = { name = 'a', value = 'b' } }", &[]);
    let both = "{ by_status_code = '500', by_header = { name = 'a' } }";
    check(both, &[("GW0217", both)]);
    check("{ by_status_code = 500 }", &[("GW0102", "500")]);
    check("{ by_status = '500' }", &[("GW0217", "{ by_status = '500' }"), ("GW0101", "by_status")]);
    for good in ["100", "599", "500-504", "502-502"] {
        check(&format!("{{ by_status_code = '{good}' }}"), &[]);
    }
    for bad in
        ["", "5xx", "99", "600", "504-500", "500-", "-500", "500, 502", "500 - 504", "+50", "500-502-504"]
    {
        check(&format!("{{ by_status_code = '{bad}' }}"), &[("GW0218", &format!("'{bad}'"))]);
    }
}

#[test]
fn methods() {
    endpoint("method = 'get'", &[]);
    endpoint("method = ''", &[]);
    endpoint("methods = ['GET', 'PROPFIND', '*']", &[]);
    endpoint("method = 'GET, POST'", &[("GW0219", "'GET, POST'")]);
    endpoint("methods = ['GET', '']", &[("GW0219", "''")]);
    endpoint("method = 'GET'\nmethods = ['POST']", &[("GW0221", "'GET'")]);
    yaml("endpoints: [{path: /, method: on, backends: [{target: 'a:1'}]}]", &[]);
}

#[test]
fn policies() {
    for good in ["p2c", "WRR", "round_robin"] {
        endpoint(&format!("balancer = {{ policy = '{good}' }}"), &[]);
    }
    endpoint("balancer = { policy = 'roundrobin' }", &[("GW0222", "'roundrobin'")]);
    toml("[balancer]\npolicy = 'best'", &[("GW0222", "'best'")]);
}

#[test]
fn the_rest() {
    yaml("hosts: [a, b]\n", &[("GW0223?", "a")]);
    let twice = "[[endpoints]]\nid = 'a'\npath = '/'\nbackends = [{ target = 'x:1' }]\n".repeat(2);
    toml(&twice, &[("GW0226", "[[endpoints]]")]);
}

/// Of what the original takes the last.
#[test]
fn a_yaml_key_given_twice() {
    yaml("version: a\nname: x\nversion: b\n", &[("GW0107", "version")]);
    yaml("tlsStore:\n  a: {}\n  a: {}\n", &[("GW0107", "a")]);
    yaml("endpoints: [{path: /, path: /b, backends: [{target: 'a:1'}]}]", &[("GW0107", "path")]);
}

#[test]
fn an_upstream_speaks_http_unless_told_otherwise() {
    for (written, expect) in [
        ("", Protocol::Http),
        ("protocol: HTTP", Protocol::Http),
        ("protocol: UNSPECIFIED", Protocol::Http),
        ("protocol: 0", Protocol::Http),
        ("protocol: GRPC", Protocol::Grpc),
        ("protocol: 2", Protocol::Grpc),
        ("protocol: HTTP2", Protocol::Http2),
    ] {
        let text = format!("endpoints:\n- path: /\n  backends: [{{target: 'a:1'}}]\n  {written}\n");
        let loaded = parse(Document::new("test", Format::Yaml, text)).unwrap();
        assert_eq!(loaded.gateway.endpoints[0].protocol, expect, "{written}");
    }
}

#[test]
fn an_empty_document_is_told_what_to_write() {
    for format in [Format::Toml, Format::Yaml, Format::Json] {
        let errors = parse(Document::new("x", format, "")).unwrap_err();
        let error = &errors.list()[0];
        assert_eq!((error.code, errors.list().len()), ("GW0205", 1), "{format:?}");
        assert!(error.help[0].contains("at least one endpoint"), "{:?}", error.help);
    }
}

#[test]
fn suggestions() {
    let errors =
        parse(Document::new("x", Format::Toml, "[balancer]\npolicy = 'least_requests'")).unwrap_err();
    assert_eq!(errors.list()[0].help, ["did you mean `least_request`?"]);
    let text = "[tls_store.internal]\n[[endpoints]]\npath = '/'\nbackends = [{ target = 'a:1', tls_config_name = 'intern' }]";
    let errors = parse(Document::new("x", Format::Toml, text)).unwrap_err();
    assert_eq!(errors.list()[0].help, ["did you mean `internal`?"]);
}

#[test]
fn all_at_once() {
    let text = "unknown = 1\n[balancer]\npolicy = 'x'\n[[endpoints]]\npath = '/'\ntimeout = '1 hour'\nbackends = []\n";
    toml(
        text,
        &[("GW0101", "unknown"), ("GW0222", "'x'"), ("GW0210", "[[endpoints]]"), ("GW0105", "'1 hour'")],
    );
}

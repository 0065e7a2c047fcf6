//! What the environment's variables do, and which are refused.

use super::*;

fn parse(variables: &[(&str, &str)]) -> Result<Environment, String> {
    Environment::parse(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

#[test]
fn a_value_that_is_not_utf_8_is_refused_by_name_if_somebody_reads_it() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = || OsString::from_vec(b"\xff".to_vec());
    for name in ["GATEWAY__NAME", "PROXY_READ_TIMEOUT", "ADVERTISE_NAME", "CONSUL_HTTP_TOKEN", "no_proxy"] {
        let error = Environment::parse([(OsString::from(name), bytes())].into_iter()).unwrap_err();
        assert_eq!(error, format!("{name}: its value is not UTF-8"));
    }
    let others = [(OsString::from("LS_COLORS"), bytes()), (bytes(), OsString::from("x"))];
    assert_eq!(Environment::parse(others.into_iter()).unwrap(), Environment::default());
}

#[test]
fn the_originals_timeouts_replace_the_configured_ones() {
    let environment = parse(&[
        ("PROXY_READ_HEADER_TIMEOUT", "1s"),
        ("PROXY_READ_TIMEOUT", "2s"),
        ("PROXY_WRITE_TIMEOUT", "3s"),
        ("PROXY_IDLE_TIMEOUT", "4s"),
        ("PROXY_DIAL_TIMEOUT", "50ms"),
        ("INITIAL_RESOLVE_TIMEOUT", "5s"),
        ("ENABLE_STRICT_SLASH", "true"),
        ("PROXY_FOLLOW_REDIRECT", ""),
    ])
    .unwrap();
    let mut gateway = v1::Gateway::default();
    environment.apply(&mut gateway);
    let limits = &gateway.listeners[0].limits;
    let times = [limits.header_timeout, limits.read_timeout, limits.write_timeout, limits.idle_timeout];
    assert_eq!(times.map(|time| time.as_secs()), [1, 2, 3, 4]);
    assert_eq!(gateway.client.connect_timeout, Some(Duration::from_millis(50)));
    assert!(environment.strict_slash);
    assert_eq!(environment.initial_resolve_timeout, Some(Duration::from_secs(5)));
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    for (name, value) in [
        ("PROXY_WRITE_TIMEOUT", "0"),
        ("PROXY_FOLLOW_REDIRECT", "1"),
        ("PROXY_DIAL_TIMEOUT", "soon"),
        ("ENABLE_STRICT_SLASH", "maybe"),
        ("INITIAL_RESOLVE_TIMEOUT", "0s"),
    ] {
        assert!(parse(&[(name, value)]).unwrap_err().starts_with(name));
    }
}

#[test]
fn our_own_variables_are_paths_of_keys() {
    let environment =
        parse(&[("GATEWAY__CLIENT__CONNECT_TIMEOUT", "2s"), ("GATEWAY_PORT", "tcp://x")]).unwrap();
    let path = vec!["client".to_owned(), "connect_timeout".to_owned()];
    assert_eq!(environment.overrides, [(path, "2s".to_owned())]);
}

#[test]
fn forward_proxies_are_read_and_refused_by_name_without_their_secret() {
    let environment =
        parse(&[("https_proxy", "http://me:secret@proxy.test:3128"), ("NO_PROXY", "a.test")]).unwrap();
    let proxy = |host| environment.proxies.of(true, host, 443).map(ToString::to_string);
    assert_eq!(proxy("b.test").as_deref(), Some("http://proxy.test:3128"));
    assert_eq!((proxy("a.test"), proxy("localhost")), (None, None));
    assert!(environment.notices.is_empty() && !format!("{environment:?}").contains("secret"));
    let refused = parse(&[("HTTP_PROXY", "socks5://me:secret@proxy.test")]).unwrap_err();
    assert!(refused.starts_with("HTTP_PROXY: ") && !refused.contains("secret"), "{refused}");
    assert_eq!(parse(&[("HTTP_PROXY", "")]).unwrap(), Environment::default());
    let notices = parse(&[("NO_PROXY", "a.test, [::1")]).unwrap().notices;
    assert!(matches!(&notices[..], [notice] if notice.contains("NO_PROXY: \"[::1\"")), "{notices:?}");
}

#[test]
fn a_control_service_is_told_a_name_and_an_address() {
    let told = |variables: &[(&str, &str)]| {
        let Environment { advertise_name, advertise_address, notices, .. } = parse(variables).unwrap();
        (advertise_name, advertise_address, notices.len())
    };
    let (name, address) = (("ADVERTISE_NAME", "edge"), ("ADVERTISE_ADDR", "192.0.2.1"));
    let expect = ("edge".to_owned(), "192.0.2.1".to_owned(), 0);
    assert_eq!(told(&[name, address, ("ADVERTISE_DEVICE", "lo")]), expect);
    assert_eq!(told(&[name, ("ADVERTISE_DEVICE", "lo"), address]), expect, "in any order");
    assert_eq!(told(&[("ADVERTISE_DEVICE", "lo")]), (String::new(), "127.0.0.1".to_owned(), 0));
    assert_eq!(told(&[("ADVERTISE_DEVICE", "no-such-device")]), (String::new(), String::new(), 1));
}

/// The original follows redirects for any value, `false` included, so that nobody's value says what is meant here.
#[test]
fn whoever_wants_redirects_followed_or_not_is_told_what_to_do() {
    for value in ["true", "false", "0"] {
        let error = parse(&[("PROXY_FOLLOW_REDIRECT", value)]).unwrap_err();
        assert!(error.contains("never followed here") && error.ends_with("unset it"), "{error}");
    }
}

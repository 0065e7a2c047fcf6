//! What a DSN and Consul's variables come to.

use std::collections::HashMap;
use std::path::Path;

use super::*;

fn options(dsn: &str, env: &[(&str, &str)]) -> Result<ConsulOptions, DsnError> {
    let env: HashMap<_, _> = env.iter().copied().collect();
    ConsulOptions::from_dsn(dsn, &|name| env.get(name).map(|value| (*value).to_owned()))
}

#[track_caller]
fn bases(dsn: &str, env: &[(&str, &str)], expect: &[&str]) {
    let bases = options(dsn, env).unwrap().bases();
    assert_eq!(bases.iter().map(|base| &**base).collect::<Vec<_>>(), expect);
}

#[track_caller]
fn refused(dsn: &str, env: &[(&str, &str)], expect: &str) {
    let error = options(dsn, env).unwrap_err().to_string();
    assert!(error.contains(expect), "{error}");
    assert!(!error.contains("b1gs"), "{error} tells a secret");
}

#[test]
fn addresses_come_from_the_dsn_then_from_the_environment() {
    bases("consul://", &[], &["http://127.0.0.1:8500"]);
    bases("consul://?tls=true", &[], &["https://127.0.0.1:8501"]);
    bases("consul://a,b:1,[::1]", &[], &["http://a:8500", "http://b:1", "http://[::1]:8500"]);
    let address = ("CONSUL_HTTP_ADDR", "c:7");
    bases("consul://", &[address], &["http://c:7"]);
    bases("consul://a", &[address], &["http://a:8500"]);
    bases("consul://", &[("CONSUL_HTTP_ADDR", "https://c/")], &["https://c:8501"]);
    bases("consul://", &[address, ("CONSUL_HTTP_SSL", "true")], &["https://c:7"]);
    bases("consul://?tls=false", &[address, ("CONSUL_HTTP_SSL", "true")], &["http://c:7"]);
    refused(
        "consul://",
        &[("CONSUL_HTTP_ADDR", "unix:///run/consul")],
        "`CONSUL_HTTP_ADDR`: neither http://",
    );
    refused("consul://a,,b", &[], "`address`: not `host:port`");
    refused("consul://a:x", &[], "`address`: not `host:port`");
}

#[test]
fn the_token_is_the_nearest_one() {
    let fixed = |token| TokenSource::Fixed(Secret::new(token).unwrap());
    let token = |dsn: &str, env: &[(&str, &str)]| options(dsn, env).unwrap().token;
    let variable = ("CONSUL_HTTP_TOKEN", "variable");
    let file = ("CONSUL_HTTP_TOKEN_FILE", "/f");
    assert_eq!(token("consul://", &[]), TokenSource::None);
    assert_eq!(token("consul://", &[variable]), fixed("variable"));
    assert_eq!(token("consul://", &[variable, file]), TokenSource::File("/f".into()));
    assert_eq!(token("consul://?token=own", &[variable, file]), fixed("own"));
    assert_eq!(token("consul://?token_file=/own", &[variable, file]), TokenSource::File("/own".into()));
    refused("consul://?token=b1gs&token_file=/f", &[], "`token_file`: not together");
    refused("consul://?token=b1gs%0a", &[], "`token`: not a token");
    refused("consul://", &[("CONSUL_HTTP_TOKEN", "b1gs ecret")], "`CONSUL_HTTP_TOKEN`: not a token");
}

#[test]
fn a_token_is_not_printed() {
    let options = options("consul://?token=b1gs-ecret", &[]).unwrap();
    let consul = super::super::Consul::new(options).unwrap();
    let text = format!("{consul:?}");
    assert!(text.contains("<secret>") && !text.contains("b1gs"), "{text}");
}

#[test]
fn tls_files_need_tls() {
    let with_tls =
        options("consul://?tls=1&ca_file=/ca&cert_file=/c", &[("CONSUL_CLIENT_KEY", "/k")]).unwrap();
    let tls = with_tls.tls.unwrap();
    assert_eq!(tls.ca_file.as_deref(), Some(Path::new("/ca")));
    assert_eq!(tls.identity, Some(("/c".into(), "/k".into())));
    assert_eq!(options("consul://", &[("CONSUL_CACERT", "/ca")]).unwrap().tls, None);
    refused("consul://?ca_file=/ca", &[], "`ca_file`: needs `tls=true`");
    refused("consul://?tls=true&cert_file=/c", &[], "`cert_file`: needs `key_file` too");
    refused("consul://?tls=true", &[("CONSUL_CLIENT_KEY", "/k")], "`key_file`: needs `cert_file` too");
}

#[test]
fn the_rest() {
    let dsn = "consul://?datacenter=dc&partition=p&tag=a&tag=b&stale=true&warning=1&wait=5m&client=http";
    let options = options(dsn, &[("CONSUL_NAMESPACE", "n"), ("CONSUL_PARTITION", "q")]).unwrap();
    let texts = [options.datacenter, options.namespace, options.partition];
    assert_eq!(texts.map(Option::unwrap), ["dc", "n", "p"]);
    assert_eq!(
        (options.tags.as_slice(), options.stale, options.warning),
        (["a", "b"].map(str::to_owned).as_slice(), true, true)
    );
    assert_eq!((options.wait, options.client), (Duration::from_secs(300), ConsulClient::Http));
}

#[test]
fn nothing_is_ignored() {
    refused("consul://?tokenfile=b1gs", &[], "did you mean `token_file`?");
    refused("consul://?stale=yes", &[], "`stale`: neither `true` nor `false`");
    for wait in ["0s", "601s", "11m", "55", "s", "1h", "-1s", "5é", "é", ""] {
        let result = options(&format!("consul://?wait={wait}"), &[]);
        assert_eq!(result.is_ok(), wait.is_empty(), "{wait}");
    }
    refused("consul://?client=curl", &[], "`client`: neither `http` nor `consulrs`");
    refused("consul://", &[("CONSUL_HTTP_AUTH", "user:b1gs")], "`CONSUL_HTTP_AUTH`: basic");
    refused("consul://", &[("CONSUL_HTTP_SSL_VERIFY", "false")], "always verified");
    assert!(options("consul://", &[("CONSUL_HTTP_SSL_VERIFY", "true"), ("CONSUL_HTTP_AUTH", "")]).is_ok());
    #[cfg(not(feature = "consulrs"))]
    refused("consul://?client=consulrs", &[], "built without the feature `consulrs`");
}

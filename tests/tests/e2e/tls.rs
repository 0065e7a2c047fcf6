//! TLS on either side.

use gateway_tests::{Authority, Caller, Format, Gateway, Origin, Script, empty, table};
use http::Request;

#[tokio::test]
async fn the_gateway_serves_tls_by_name_and_both_versions() {
    let origin = Origin::start("one", Script::Echo).await;
    let authority = Authority::default();
    let (one, two) = (authority.identity(&["one.test"]), authority.identity(&["two.test"]));
    let certificate = |identity: &gateway_tests::Identity| {
        format!("{{ cert = '''\n{}''', key = '''\n{}''' }}", identity.cert, identity.key)
    };
    let config = format!(
        "listeners = [{{ address = \"127.0.0.1:0\", certificates = [{}, {}] }}]\n{}",
        certificate(&one),
        certificate(&two),
        table("/*", "", &[origin.address()]),
    );
    let gateway = Gateway::start(&config, Format::Toml).await;
    for name in ["one.test", "two.test"] {
        for (protocol, version) in [("http/1.1", http::Version::HTTP_11), ("h2", http::Version::HTTP_2)] {
            let mut caller = Caller::tls(gateway.address(), &authority, name, protocol).await.unwrap();
            let answer = caller.get("/").await;
            assert_eq!((answer.status.as_u16(), answer.version), (200, version));
        }
    }
    let stranger = Authority::default();
    assert!(Caller::tls(gateway.address(), &stranger, "one.test", "h2").await.is_err());
}

#[tokio::test]
async fn the_gateway_speaks_tls_upstream_and_verifies() {
    let authority = Authority::default();
    let origin = Origin::start_tls("one", Script::Echo, &authority.identity(&["up.test"])).await;
    let target = origin.address();
    for (profile, status) in [
        (format!("cacert = '''\n{}'''\nserver_name = \"up.test\"", authority.pem()), 200),
        (format!("cacert = '''\n{}'''\nserver_name = \"other.test\"", authority.pem()), 502),
        (format!("cacert = '''\n{}'''\nserver_name = \"up.test\"", Authority::default().pem()), 502),
        ("insecure = true".to_owned(), 200),
    ] {
        let config = format!(
            "[tls_store.up]\n{profile}\n[[endpoints]]\npath = \"/*\"\n\
             backends = [{{ target = \"{target}\", tls = true, tls_config_name = \"up\" }}]\n"
        );
        let gateway = Gateway::start(&config, Format::Toml).await;
        let mut caller = Caller::http1(gateway.address()).await;
        let answer = caller.get("/").await;
        assert_eq!(answer.status, status, "{profile}: {answer:?}");
        if status == 200 {
            let request = Request::get("/").header("host", "shop.test").body(empty()).unwrap();
            let target = caller.call(request).await.json()["target"].clone();
            assert_eq!(target, "https://shop.test/", "the client's host, as HTTP/2 has it");
        }
    }
}

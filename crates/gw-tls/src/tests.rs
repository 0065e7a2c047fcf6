//! Handshakes over an in-memory pipe, and the faults of TLS material.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, Issuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::pem::read_pem;
use crate::provider::{VERSIONS, provider};
use crate::{
    Alpn, Certificate, CertificateSource, CertificateStore, ClientProfile, Profile, TlsError, own_client,
    server_config,
};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `names` and its key.
    fn issue(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'_, _> = &self.0;
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, issuer).unwrap();
        (cert.pem(), key.serialize_pem())
    }

    fn source(&self, names: &[&str]) -> CertificateSource {
        let (cert, key) = self.issue(names);
        CertificateSource { cert, key, server_names: Vec::new() }
    }

    fn profile(&self) -> Profile {
        Profile { ca: Some(self.pem()), ..Profile::default() }
    }
}

/// What a finished handshake agreed on, as the client sees it.
struct Agreed {
    leaf: CertificateDer<'static>,
    alpn: Option<Vec<u8>>,
    version: ProtocolVersion,
}

async fn handshake(
    server: Arc<ServerConfig>,
    profile: &Profile,
    alpn: Alpn,
    name: &str,
) -> Result<Agreed, std::io::Error> {
    shake(server, ClientProfile::build(profile).unwrap().config(alpn), name).await
}

async fn shake(
    server: Arc<ServerConfig>,
    config: Arc<ClientConfig>,
    name: &str,
) -> Result<Agreed, std::io::Error> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let accept = TlsAcceptor::from(server).accept(far);
    let connect = TlsConnector::from(config).connect(ServerName::try_from(name.to_owned()).unwrap(), near);
    let (client, server) = tokio::join!(connect, accept);
    server?;
    let client = client?;
    let session = client.get_ref().1;
    Ok(Agreed {
        leaf: session.peer_certificates().unwrap()[0].clone().into_owned(),
        alpn: session.alpn_protocol().map(<[u8]>::to_vec),
        version: session.protocol_version().unwrap(),
    })
}

fn leaf(source: &CertificateSource) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(source.cert.as_bytes()).unwrap()
}

#[tokio::test]
async fn sni_chooses_exact_then_wildcard_then_first() {
    let authority = Authority::new();
    let sources = [
        authority.source(&["first.test", "a.b.wild.test", "other.test"]),
        authority.source(&["*.wild.test"]),
        authority.source(&["exact.wild.test"]),
    ];
    let store = CertificateStore::new(&sources).unwrap();
    for (name, expect) in [
        ("first.test", 0),
        ("x.wild.test", 1),
        ("EXACT.wild.test", 2),
        ("a.b.wild.test", 0),
        ("other.test", 0),
    ] {
        let config = server_config(Arc::clone(&store), true);
        let agreed = handshake(config, &authority.profile(), Alpn::Both, name).await.unwrap();
        assert_eq!(agreed.leaf, leaf(&sources[expect]), "{name}");
    }
}

#[tokio::test]
async fn a_replaced_certificate_serves_the_next_handshake_and_a_bad_one_changes_nothing() {
    let authority = Authority::new();
    let (old, new) = (authority.source(&["a.test"]), authority.source(&["a.test"]));
    let store = CertificateStore::new(std::slice::from_ref(&old)).unwrap();
    let config = server_config(Arc::clone(&store), true);
    let bad = CertificateSource { key: old.key.clone(), ..new.clone() };
    assert!(matches!(store.replace(&[bad]), Err(TlsError::KeyMismatch)));
    let before = handshake(Arc::clone(&config), &authority.profile(), Alpn::Both, "a.test").await.unwrap();
    assert_eq!(before.leaf, leaf(&old));
    store.replace(std::slice::from_ref(&new)).unwrap();
    let after = handshake(config, &authority.profile(), Alpn::Both, "a.test").await.unwrap();
    assert_eq!(after.leaf, leaf(&new));
}

#[tokio::test]
async fn alpn_agrees_on_what_both_sides_offer() {
    let authority = Authority::new();
    let store = CertificateStore::new(&[authority.source(&["a.test"])]).unwrap();
    for (http2, alpn, expect) in [
        (true, Alpn::Both, Some("h2")),
        (true, Alpn::Http1, Some("http/1.1")),
        (false, Alpn::Both, Some("http/1.1")),
        (false, Alpn::Http2, None),
    ] {
        let config = server_config(Arc::clone(&store), http2);
        let agreed = handshake(config, &authority.profile(), alpn, "a.test").await;
        let found = agreed.ok().map(|agreed| String::from_utf8(agreed.alpn.unwrap()).unwrap());
        assert_eq!(found.as_deref(), expect, "{http2} {alpn:?}");
    }
}

#[tokio::test]
async fn both_versions_are_spoken() {
    let authority = Authority::new();
    let store = CertificateStore::new(&[authority.source(&["a.test"])]).unwrap();
    let profile = authority.profile();
    let agreed = handshake(server_config(Arc::clone(&store), true), &profile, Alpn::Both, "a.test").await;
    assert_eq!(agreed.unwrap().version, ProtocolVersion::TLSv1_3);
    let old = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&VERSIONS[1..])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(store);
    let agreed = handshake(Arc::new(old), &profile, Alpn::Http1, "a.test").await;
    assert_eq!(agreed.unwrap().version, ProtocolVersion::TLSv1_2);
}

#[tokio::test]
async fn an_unknown_authority_or_a_wrong_name_is_refused_unless_insecure() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let store = CertificateStore::new(&[authority.source(&["a.test", "127.0.0.1"])]).unwrap();
    let insecure = Profile { insecure: true, ..Profile::default() };
    for (profile, name, expect) in [
        (authority.profile(), "a.test", true),
        (authority.profile(), "127.0.0.1", true),
        (authority.profile(), "b.test", false),
        (stranger.profile(), "a.test", false),
        (insecure.clone(), "b.test", true),
    ] {
        let config = server_config(Arc::clone(&store), true);
        let agreed = handshake(config, &profile, Alpn::Both, name).await;
        assert_eq!(agreed.is_ok(), expect, "{name} {profile:?}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let authority = Authority::new();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
    let store = CertificateStore::new(&[authority.source(&["a.test"])]).unwrap();
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(store);
    let config = Arc::new(config);
    let bare = authority.profile();
    assert!(handshake(Arc::clone(&config), &bare, Alpn::Both, "a.test").await.is_err());
    let (cert, key) = authority.issue(&["client.test"]);
    let ours = Profile { cert: Some(cert), key: Some(key), ..bare };
    assert!(handshake(config, &ours, Alpn::Both, "a.test").await.is_ok());
}

#[test]
fn a_profile_is_known_by_its_content() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    let id = |profile: &Profile| ClientProfile::build(profile).unwrap().id();
    let inline = authority.profile();
    let by_path = Profile { ca: Some(path.display().to_string()), ..Profile::default() };
    assert_eq!(id(&inline), id(&by_path));
    let named = Profile { server_name: Some("a.test".to_owned()), ..inline.clone() };
    assert_ne!(id(&inline), id(&named));
    assert_ne!(id(&inline), id(&Profile { insecure: true, ..inline.clone() }));
    std::fs::write(&path, Authority::new().pem()).unwrap();
    assert_ne!(id(&inline), id(&by_path));
}

#[test]
fn names_and_end_come_from_the_certificate_unless_names_are_given() {
    let authority = Authority::new();
    let mut source = authority.source(&["A.test", "*.b.test"]);
    let found = Certificate::load(&source).unwrap();
    assert_eq!(found.info().names, ["a.test", "*.b.test"]);
    assert!(found.info().not_after > SystemTime::now() + Duration::from_secs(86_400));
    source.server_names = vec!["Other.test".to_owned()];
    assert_eq!(Certificate::load(&source).unwrap().info().names, ["other.test"]);
    source.server_names = vec!["no name".to_owned()];
    assert!(matches!(Certificate::load(&source), Err(TlsError::Name(name)) if name == "no name"));
}

#[test]
fn two_certificates_may_not_claim_one_name_and_a_store_is_never_empty() {
    let authority = Authority::new();
    let twice = [authority.source(&["a.test"]), authority.source(&["b.test", "a.test"])];
    assert!(matches!(CertificateStore::new(&twice), Err(TlsError::DuplicateName(name)) if name == "a.test"));
    assert!(matches!(CertificateStore::new(&[]), Err(TlsError::NoCertificate)));
    let nameless = [authority.source(&["a.test"]), authority.source(&[])];
    assert!(matches!(CertificateStore::new(&nameless), Err(TlsError::Nameless)));
}

#[test]
fn faults_say_which_part_and_which_file() {
    #[track_caller]
    fn check(profile: &Profile, expect: &str) {
        let error = ClientProfile::build(profile).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
    let authority = Authority::new();
    let (cert, key) = authority.issue(&["a.test"]);
    let (_, stranger) = authority.issue(&["a.test"]);
    let some = |text: &str| Some(text.to_owned());
    let none = Profile::default();
    check(&Profile { ca: some("/no/such.pem"), ..none.clone() }, "cacert: cannot read `/no/such.pem`");
    check(&Profile { ca: some("/dev/null"), ..none.clone() }, "`/dev/null`: not a regular file");
    check(&Profile { ca: some(&key), ..none.clone() }, "cacert: the inline PEM holds no certificate");
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    check(&Profile { ca: some(broken), ..none.clone() }, "cacert: the inline PEM is not valid PEM");
    check(&Profile { cert: some(&cert), ..none.clone() }, "key is missing");
    check(&Profile { key: some(&key), ..none }, "cert is missing");
    check(&Profile { server_name: some("no name"), ..authority.profile() }, "`no name` is neither");
    let swapped = Profile { cert: some(&cert), key: some(&stranger), ..authority.profile() };
    check(&swapped, "the key does not belong to the certificate");
    let keyless = Profile { cert: some(&cert), key: some(&cert), ..authority.profile() };
    check(&keyless, "key: the inline PEM holds no private key");
    assert!(matches!(read_pem("  "), Err(TlsError::Empty)));
}

#[tokio::test]
async fn own_clients_trust_what_their_profile_says_and_nobody_without_one() {
    let authority = Authority::new();
    let store = CertificateStore::new(&[authority.source(&["a.test"])]).unwrap();
    let shake = async |profile: Option<&Profile>| {
        let config = own_client(profile).unwrap();
        shake(server_config(Arc::clone(&store), true), Arc::new(config), "a.test").await
    };
    assert_eq!(shake(Some(&authority.profile())).await.unwrap().alpn, Some(b"http/1.1".to_vec()));
    assert!(shake(None).await.is_err());
}

//! Consul over HTTPS: whom we trust, and who trusts us.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

/// An authority, and a certificate of it for 127.0.0.1, as files.
struct Files {
    _folder: tempfile::TempDir,
    ca: PathBuf,
    chain: PathBuf,
    key: PathBuf,
}

impl Files {
    fn make() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Self {
            ca: write("ca.pem", ca.pem()),
            chain: write("chain.pem", leaf.pem()),
            key: write("key.pem", key.serialize_pem()),
            _folder: folder,
        }
    }

    /// A server with this certificate that wants one of this authority.
    fn server(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.ca).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_client_cert_verifier(verifier.build().unwrap());
        let chain = vec![CertificateDer::from_pem_file(&self.chain).unwrap()];
        Arc::new(config.with_single_cert(chain, PrivateKeyDer::from_pem_file(&self.key).unwrap()).unwrap())
    }
}

#[tokio::test]
async fn both_sides_show_their_certificate() {
    let (ours, theirs) = (Files::make(), Files::make());
    let server = Server::start_tls(ours.server()).await;
    server.set(SERVICE, entries(1));
    let identity = |files: &Files| Some((files.chain.clone(), files.key.clone()));
    for client in CLIENTS {
        let read = async |ca: &Path, identity| {
            let tls = Some(ConsulTls { ca_file: Some(ca.to_owned()), identity });
            let consul = consul(ConsulOptions { tls, ..options(&server, *client) }, timing());
            let read = consul.read(SERVICE, Consistency::Default).await;
            read.map(|snapshot| snapshot.instances.len()).map_err(|error| cause(&error))
        };
        assert_eq!(read(&ours.ca, identity(&ours)).await, Ok(1), "{client:?}");
        let cases = [(&theirs.ca, identity(&ours)), (&ours.ca, identity(&theirs)), (&ours.ca, None)];
        for (ca, identity) in cases {
            let error = read(ca, identity).await.unwrap_err();
            assert!(error.starts_with("no answer from https://127.0.0.1:"), "{client:?}: {error}");
        }
    }
}

#[test]
fn files_that_hold_no_certificate_are_told_by_name() {
    let files = Files::make();
    for client in CLIENTS {
        let error = |tls| {
            let options = ConsulOptions { tls: Some(tls), client: *client, ..ConsulOptions::default() };
            Consul::new(options).err().map(|error| error.line())
        };
        let missing = error(ConsulTls { ca_file: Some("/nowhere/ca.pem".into()), identity: None });
        assert!(missing.is_some_and(|line| line.starts_with("cannot read /nowhere/ca.pem: ")));
        let wrong = ConsulTls { ca_file: None, identity: Some((files.chain.clone(), files.ca.clone())) };
        assert!(error(wrong).is_some(), "{client:?}");
    }
    let key = ConsulTls { ca_file: Some(files.key), identity: None };
    let options = ConsulOptions { tls: Some(key), ..ConsulOptions::default() };
    let error = Consul::new(options).err().unwrap().line();
    assert!(error.ends_with("key.pem: it holds no certificate"), "{error}");
}

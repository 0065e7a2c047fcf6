//! Lowering of listeners: configured addresses, certificates and limits to what the server binds.

use gw_config::{Diagnostic, v1};
use gw_server::{Limits, ListenAddress, ListenerOptions};
use gw_tls::{CertificateSource, CertificateStore};
use gw_value::Spanned;
use ipnet::IpNet;

/// Lowers the listeners of a document, or finds what is wrong with them.
pub(crate) fn lower(listeners: &[Spanned<v1::Listener>]) -> Result<Vec<ListenerOptions>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let lowered = listeners
        .iter()
        .filter_map(|listener| listener_options(listener).map_err(|error| errors.push(error)).ok());
    let lowered = lowered.collect();
    if errors.is_empty() { Ok(lowered) } else { Err(errors) }
}

fn listener_options(listener: &Spanned<v1::Listener>) -> Result<ListenerOptions, Diagnostic> {
    let address: ListenAddress = listener.address.parse().map_err(|error: gw_server::AddressError| {
        Diagnostic::error("GW0210", error.to_string(), listener.address.span())
    })?;
    let name = listener.name.clone().unwrap_or_else(|| address.to_string());
    let mut options = ListenerOptions::new(name, address);
    options.http2 = listener.http2;
    options.limits = limits(&listener.limits);
    // Bad networks were refused with the document.
    options.trusted_proxies = listener.trusted_proxies.iter().filter_map(|net| network(net)).collect();
    if let Some(first) = listener.certificates.first() {
        let sources: Vec<_> = listener.certificates.iter().map(|certificate| source(certificate)).collect();
        let store = CertificateStore::new(&sources).map_err(|error| {
            Diagnostic::error("GW0307", format!("a certificate does not load: {error}"), first.span())
        })?;
        options.tls = Some(gw_tls::server_config(store, listener.http2));
    }
    Ok(options)
}

fn source(certificate: &v1::Certificate) -> CertificateSource {
    CertificateSource {
        cert: certificate.cert.clone(),
        key: certificate.key.clone(),
        server_names: certificate.server_names.clone(),
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|ip: std::net::IpAddr| IpNet::from(ip)))
}

fn limits(limits: &v1::Limits) -> Limits {
    Limits {
        connections: limits.connections,
        header_bytes: limits.header_bytes,
        header_count: limits.header_count,
        target_bytes: limits.target_bytes,
        body_bytes: limits.body_bytes,
        http2_streams: limits.http2_streams,
        handshake_timeout: limits.handshake_timeout,
        header_timeout: limits.header_timeout,
        read_timeout: limits.read_timeout,
        write_timeout: limits.write_timeout,
        idle_timeout: limits.idle_timeout,
    }
}

//! Lowering of listeners: configured addresses, certificates and limits to what the server binds.

use gw_config::{Diagnostic, v1};
use gw_server::{Limits, ListenAddress, ListenerOptions};
use gw_tls::{Certificate, CertificateSource, CertificateStore, TlsError};
use gw_value::{Span, Spanned};
use ipnet::IpNet;

/// File descriptors that are kept for everything but downstream connections.
const OTHER_FILES: usize = 64;

/// Lowers the listeners of a document, or finds what is wrong with them.
pub(crate) fn lower(listeners: &[Spanned<v1::Listener>]) -> Result<Vec<ListenerOptions>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let lowered = listeners.iter().filter_map(|listener| options(listener, &mut errors)).collect();
    if errors.is_empty() { Ok(lowered) } else { Err(errors) }
}

fn options(listener: &Spanned<v1::Listener>, errors: &mut Vec<Diagnostic>) -> Option<ListenerOptions> {
    let address = listener.address.parse::<ListenAddress>();
    let address = address
        .map_err(|error| errors.push(Diagnostic::error("GW0212", error.to_string(), listener.address.span())))
        .ok();
    let certificates = certificates(&listener.certificates, errors)?;
    let address = address?;
    let name = listener.name.clone().unwrap_or_else(|| address.to_string());
    let mut options = ListenerOptions::new(name, address);
    options.http2 = listener.http2;
    options.limits = limits(&listener.limits);
    // Bad networks were refused with the document.
    options.trusted_proxies = listener.trusted_proxies.iter().filter_map(|net| network(net)).collect();
    if !certificates.is_empty() {
        let store = CertificateStore::of(&certificates)
            .map_err(|error| errors.push(bad_certificate(&error, listener.span())))
            .ok()?;
        options.certificates = store.infos().into();
        options.tls = Some(gw_tls::server_config(store, listener.http2));
    }
    Some(options)
}

/// Loads every certificate, so that each bad one is found; `None` if there is one.
fn certificates(list: &[Spanned<v1::Certificate>], errors: &mut Vec<Diagnostic>) -> Option<Vec<Certificate>> {
    let before = errors.len();
    let load = |entry: &Spanned<v1::Certificate>| {
        Certificate::load(&source(entry))
            .map_err(|error| errors.push(bad_certificate(&error, entry.span())))
            .ok()
    };
    let loaded = list.iter().filter_map(load).collect();
    (errors.len() == before).then_some(loaded)
}

fn bad_certificate(error: &TlsError, span: Span) -> Diagnostic {
    Diagnostic::error("GW0307", format!("the certificate does not load: {error}"), span)
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

/// Connections are also bounded by the descriptors the process may open: half of them, since each connection may need
/// one upstream, and a gateway without any left could not even say so.
fn limits(limits: &v1::Limits) -> Limits {
    let files = gw_server::open_files_limit().unwrap_or(usize::MAX);
    let most = (files.saturating_sub(OTHER_FILES) / 2).max(1);
    Limits {
        connections: limits.connections.min(most),
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
        max_connection_age: limits.max_connection_age,
        min_body_rate: limits.min_body_rate,
        ..Limits::default()
    }
}

//! The form a request takes for the protocol that carries it: target, Host, framing fields.
//!
//! A request arrives in origin form with the header fields it shall have; either form can be made of either, so
//! that one which was handed back can be sent by another protocol.

use gw_core::{Body, Error, Outcome, Request, Result};
use http::header::{self, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Version};
use http_body::Body as _;

use crate::detour::Detour;
use crate::seen::Seen;

/// Fields that HTTP/2 has no use for (RFC 9113 §8.2.2).
const CONNECTION_FIELDS: [HeaderName; 4] =
    [header::CONNECTION, header::UPGRADE, header::TRANSFER_ENCODING, HeaderName::from_static("keep-alive")];

/// Whether a request has a form that [`h1`] leaves as it is, whatever the node's address.
pub(crate) fn is_h1(req: &Request, seen: Seen) -> bool {
    seen.is_plain() && req.uri().authority().is_none() && req.version() == Version::HTTP_11
}

/// HTTP/1.1: origin form and Host (RFC 9112 §3.2).
pub(crate) fn h1(req: &mut Request, host: Option<&HeaderValue>, address: &str) -> Result<()> {
    settle_host(req, host, address)?;
    if req.uri().authority().is_some() {
        let path = req.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        *req.uri_mut() = Uri::from(path);
    }
    *req.version_mut() = Version::HTTP_11;
    join_cookies(req);
    #[cfg(feature = "hyper-h1")]
    frame(req);
    Ok(())
}

/// HTTP/1.1 to a forward proxy: absolute form (RFC 9112 §3.2.2). The authority is the upstream's own, never one that the
/// client chose, and Host says the same (§3.2): a proxy replaces any other. Differs from kratos, where the Host of the
/// client decides where the proxy connects to.
pub(crate) fn forwarded(req: &mut Request, detour: &Detour) -> Result<()> {
    let host = HeaderValue::from_str(detour.authority()).map_err(malformed)?;
    h1(req, Some(&host), detour.authority())?;
    let mut parts = std::mem::take(req.uri_mut()).into_parts();
    let authority = Authority::try_from(detour.authority()).map_err(malformed)?;
    (parts.scheme, parts.authority) = (Some(Scheme::HTTP), Some(authority));
    *req.uri_mut() = Uri::from_parts(parts).map_err(malformed)?;
    if let Some(authorization) = detour.authorization() {
        req.headers_mut().insert(header::PROXY_AUTHORIZATION, authorization.clone());
    }
    Ok(())
}

/// HTTP/2: `:scheme`, `:authority` and `:path`, no Host (RFC 9113 §8.3.1).
pub(crate) fn h2(req: &mut Request, host: Option<&HeaderValue>, address: &str, scheme: Scheme) -> Result<()> {
    settle_host(req, host, address)?;
    let authority = req.headers_mut().remove(header::HOST);
    let authority = authority.as_ref().map_or(address.as_bytes(), HeaderValue::as_bytes);
    let authority = Authority::try_from(authority).map_err(malformed)?;
    let mut parts = std::mem::take(req.uri_mut()).into_parts();
    (parts.scheme, parts.authority) = (Some(scheme), Some(authority));
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    *req.uri_mut() = Uri::from_parts(parts).map_err(malformed)?;
    *req.version_mut() = Version::HTTP_2;
    for field in &CONNECTION_FIELDS {
        req.headers_mut().remove(field);
    }
    Ok(())
}

/// Puts the Host that shall be sent into the header: the override; else what was received, in the field or in the
/// target; else, since HTTP/1.1 demands one, the node's address.
fn settle_host(req: &mut Request, host: Option<&HeaderValue>, address: &str) -> Result<()> {
    let present = req.headers().get(header::HOST).is_some_and(|host| !host.is_empty());
    let value = match (host, req.uri().authority()) {
        (Some(host), _) => host.clone(),
        (None, _) if present => return Ok(()),
        (None, Some(authority)) => HeaderValue::from_str(authority.as_str()).map_err(malformed)?,
        (None, None) => HeaderValue::from_str(address).map_err(malformed)?,
    };
    req.headers_mut().insert(header::HOST, value);
    Ok(())
}

/// Joins cookie crumbs, which only HTTP/2 may have (RFC 9113 §8.2.3).
fn join_cookies(req: &mut Request) {
    let mut crumbs = req.headers().get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        req.headers_mut().insert(header::COOKIE, joined);
    }
}

/// Says how long the body is where hyper would guess wrong.
#[cfg(feature = "hyper-h1")]
fn frame(req: &mut Request) {
    // A form that was given once stays, if the request is sent again.
    if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].iter().any(|name| req.headers().contains_key(name))
    {
        return;
    }
    let length = if req.body().is_end_stream() { Some(0) } else { req.body().size_hint().exact() };
    let (field, value) = match (length, req.method()) {
        // A body of unknown length on a method that rarely has one: hyper drops it unless this is said.
        (None, _) => (header::TRANSFER_ENCODING, "chunked"),
        // RFC 9110 §8.6: a method that expects a body says when there is none.
        (Some(0), &Method::POST | &Method::PUT | &Method::PATCH) => (header::CONTENT_LENGTH, "0"),
        _ => return,
    };
    req.headers_mut().insert(field, HeaderValue::from_static(value));
}

/// Whether a request may be sent a second time: RFC 9110 §9.2.2 allows that for idempotent methods, and without a body
/// its head is all of it.
pub(crate) fn may_repeat(req: &Request, seen: Seen) -> bool {
    let idempotent =
        matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE);
    idempotent && !seen.upgrade && req.body().is_end_stream()
}

/// A copy of a request without body.
pub(crate) fn copy(req: &Request) -> Request {
    let mut copy = Request::new(Body::empty());
    copy.method_mut().clone_from(req.method());
    copy.uri_mut().clone_from(req.uri());
    *copy.version_mut() = req.version();
    copy.headers_mut().clone_from(req.headers());
    copy
}

fn malformed(error: impl Into<gw_core::BoxError>) -> Error {
    Error::unsent(Outcome::ClientMalformed).with_source(error)
}

#[cfg(test)]
mod tests;

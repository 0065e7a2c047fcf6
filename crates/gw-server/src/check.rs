//! The rules that every request head must meet before the handler sees it, and the one form it then has.
//!
//! After [`admit`] the target is in origin form (`*` for OPTIONS apart), and there is exactly one valid Host field:
//! the authority of an absolute-form target or of HTTP/2 wins over it (RFC 9112 §3.2.2, RFC 9113 §8.3.1). Only an
//! HTTP/1.0 request may be without. The path is not touched. Field names with an underscore are dropped, since
//! upstreams may take them for the name with a hyphen.

use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use gw_core::Outcome;

use crate::{Limits, authority};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) outcome: Outcome,
    pub(crate) detail: &'static str,
}

impl Refusal {
    /// With the status that `outcome` has.
    pub(crate) fn new(outcome: Outcome, detail: &'static str) -> Self {
        let status = StatusCode::from_u16(outcome.facts().status).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, outcome, detail }
    }

    /// The answer's sentence: the outcome's own, and what is wrong.
    pub(crate) fn text(&self) -> String {
        format!("{}: {}\n", self.outcome.facts().title, self.detail)
    }
}

fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(Outcome::ClientMalformed, detail)
}

/// Checks a head and gives it its one form; `bodiless` if gw-h1 has found that no body follows.
pub(crate) fn admit(head: &mut Parts, bodiless: bool, limits: &Limits) -> Result<(), Refusal> {
    if head.method == Method::CONNECT {
        let refusal = Refusal::new(Outcome::MethodNotAllowed, "CONNECT is not served");
        return Err(Refusal { status: StatusCode::NOT_IMPLEMENTED, ..refusal });
    }
    check_target(head, limits)?;
    if head.headers.len() > limits.header_count {
        return Err(Refusal::new(Outcome::HeadersTooLarge, "too many fields"));
    }
    // gw-h1 has left them out already.
    if head.version == Version::HTTP_2 || cfg!(feature = "hyper-h1") {
        drop_underscores(&mut head.headers);
    }
    check_values(head)?;
    // Nothing is left to be found then.
    if !bodiless {
        check_framing(head, limits)?;
    }
    check_expect(head)?;
    settle_host(head)?;
    join_cookies(head);
    Ok(())
}

/// A target's bytes; what `http::Uri` adds or hides is a byte at most.
fn target_len(uri: &Uri) -> usize {
    uri.scheme_str().map_or(0, |scheme| scheme.len() + 3)
        + uri.authority().map_or(0, |authority| authority.as_str().len())
        + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

fn check_target(head: &Parts, limits: &Limits) -> Result<(), Refusal> {
    if target_len(&head.uri) > limits.target_bytes {
        return Err(Refusal::new(Outcome::TargetTooLong, "the target has too many bytes"));
    }
    if head.uri.path() == "*" && head.method != Method::OPTIONS {
        return Err(malformed("only OPTIONS has the target *"));
    }
    if head.uri.authority().is_some() && !matches!(head.uri.scheme_str(), Some("http" | "https")) {
        return Err(malformed("the target has no form that is served"));
    }
    Ok(())
}

fn drop_underscores(headers: &mut HeaderMap) {
    let doubtful = headers.keys().filter(|name| name.as_str().contains('_'));
    for name in doubtful.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// h2 leaves white space around values, which RFC 9113 §8.2.1 calls malformed and HTTP/1.1 would drop.
fn check_values(head: &Parts) -> Result<(), Refusal> {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let padded = |value: &HeaderValue| blank(value.as_bytes().first()) || blank(value.as_bytes().last());
    if head.version == Version::HTTP_2 && head.headers.values().any(padded) {
        return Err(malformed("white space around a field's value"));
    }
    Ok(())
}

/// What HTTP/2 and hyper leave open about the body's length (RFC 9112 §6).
fn check_framing(head: &mut Parts, limits: &Limits) -> Result<(), Refusal> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if head.version != Version::HTTP_11 {
            return Err(malformed("Transfer-Encoding belongs to HTTP/1.1"));
        }
        if head.headers.contains_key(CONTENT_LENGTH) {
            return Err(malformed("both Transfer-Encoding and Content-Length"));
        }
        if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(bad_coding(&head.headers));
        }
    }
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    if let Some(first) = lengths.next() {
        let mut repeated = false;
        if lengths.inspect(|_| repeated = true).any(|other| other != first) {
            return Err(malformed("Content-Length fields that differ"));
        }
        let length = parse_length(first).ok_or_else(|| malformed("Content-Length is no number"))?;
        if limits.body_bytes.is_some_and(|limit| length > limit) {
            return Err(Refusal::new(Outcome::TooLarge, "Content-Length is above the limit"));
        }
        // RFC 9112 §6.3: equal ones may become one; two of them must not travel on.
        if repeated {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
    }
    Ok(())
}

/// 501 for codings that exist and are not known here, 400 for everything that only looks like `chunked`.
fn bad_coding(headers: &HeaderMap) -> Refusal {
    let mut unknown = false;
    for value in headers.get_all(TRANSFER_ENCODING) {
        for token in value.as_bytes().split(|byte| *byte == b',') {
            let token = token.trim_ascii();
            unknown |= [b"gzip".as_slice(), b"x-gzip", b"deflate", b"compress", b"x-compress", b"identity"]
                .iter()
                .any(|coding| token.eq_ignore_ascii_case(coding));
        }
    }
    let refusal = malformed("Transfer-Encoding other than chunked");
    if unknown { Refusal { status: StatusCode::NOT_IMPLEMENTED, ..refusal } } else { refusal }
}

fn parse_length(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    let valid = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    valid.then(|| value.to_str().ok()?.parse().ok()).flatten()
}

/// RFC 9110 §10.1.1; HTTP/1.0 has no expectations.
fn check_expect(head: &Parts) -> Result<(), Refusal> {
    let mut expectations = head.headers.get_all(EXPECT).iter();
    if head.version == Version::HTTP_10
        || expectations.all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Ok(());
    }
    let refusal = malformed("an expectation that cannot be met");
    Err(Refusal { status: StatusCode::EXPECTATION_FAILED, ..refusal })
}

/// Finds the one authority of the request, and leaves it in the Host field and nowhere else.
fn settle_host(head: &mut Parts) -> Result<(), Refusal> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(malformed("more than one Host field"));
    }
    if host.is_some_and(|host| !authority::is_valid(host.as_bytes())) {
        return Err(malformed("the Host field is no host"));
    }
    let Some(target) = head.uri.authority() else {
        return match host {
            None if head.version != Version::HTTP_10 => Err(malformed("no Host field")),
            _ => Ok(()),
        };
    };
    if !authority::is_valid(target.as_str().as_bytes()) {
        return Err(malformed("the target's authority is no host"));
    }
    match host {
        None if head.version == Version::HTTP_11 => return Err(malformed("no Host field")),
        Some(host) if head.version == Version::HTTP_2 && !same(host, target) => {
            return Err(malformed(":authority and Host differ"));
        }
        _ => {}
    }
    let field = HeaderValue::from_str(target.as_str()).map_err(|_| malformed("the target is no host"))?;
    head.headers.insert(HOST, field);
    to_origin_form(head);
    Ok(())
}

fn same(host: &HeaderValue, target: &Authority) -> bool {
    host.as_bytes().eq_ignore_ascii_case(target.as_str().as_bytes())
}

fn to_origin_form(head: &mut Parts) {
    let mut uri = std::mem::take(&mut head.uri).into_parts();
    uri.scheme = None;
    uri.authority = None;
    head.uri = Uri::from_parts(uri).unwrap_or_default();
}

/// One field again where HTTP/2 split it for compression (RFC 9113 §8.2.3).
fn join_cookies(head: &mut Parts) {
    if head.version != Version::HTTP_2 || head.headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = head.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice())) {
        head.headers.insert(COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests;

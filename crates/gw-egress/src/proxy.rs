//! One forward proxy: its address and what it is told of who asks.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

use crate::name::is_host_name;

/// The port of a proxy whose URL has none.
const PORT: u16 = 80;

/// A forward proxy that speaks plain HTTP. Its credentials are never shown, neither by `Display` nor by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ForwardProxy {
    host: String,
    port: u16,
    authorization: Option<HeaderValue>,
}

/// Why a text names no proxy that can be used. It never has the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no URL of a host.
    #[error(
        "not the URL of a proxy: write `http://host:port`, with `user:password@` before the host if need be"
    )]
    Form,
    /// `https`.
    #[error("a proxy is reached over plain HTTP only, not over TLS: write `http://host:port`")]
    Tls,
    /// `socks5` and its like.
    #[error("SOCKS is not spoken: name a proxy that takes HTTP, as `http://host:port`")]
    Socks,
    /// Another scheme.
    #[error("unknown scheme: write `http://host:port`")]
    Scheme,
}

impl ForwardProxy {
    /// Reads `http://host:port`, with `user:password@` before the host if the proxy asks who asks. Without a scheme it
    /// is `http`; without a port, 80. A word alone, such as `direct`, is none, nor is what has a path.
    ///
    /// # Errors
    /// When it is none of these. Differs from Go's, which takes `https` and `socks5` proxies too.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => return Err(Refused::Tls),
            "socks4" | "socks4a" | "socks5" | "socks5h" => return Err(Refused::Socks),
            _ => return Err(Refused::Scheme),
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // `http//host:port` would be a host of the name `http`.
        if !matches!(path, "" | "/") || !text.contains([':', '.']) {
            return Err(Refused::Form);
        }
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let (host, port) = address_of(address).ok_or(Refused::Form)?;
        let authorization = user.map(basic).transpose()?;
        Ok(Self { host, port, authorization })
    }

    /// Its name or IP address, the latter without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What `Proxy-Authorization` says, if its URL has credentials (RFC 7617). Marked as sensitive.
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

impl fmt::Display for ForwardProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "http://[{host}]:{port}")
        } else {
            write!(f, "http://{host}:{port}")
        }
    }
}

impl fmt::Debug for ForwardProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForwardProxy({self})")
    }
}

fn address_of(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok().filter(|port| *port != 0)?),
        _ => (text, PORT),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    let known = match host.parse::<IpAddr>() {
        Ok(ip) => ip.is_ipv6() == bare.is_some(),
        Err(_) => bare.is_none() && is_host_name(host),
    };
    known.then(|| (host.to_ascii_lowercase(), port))
}

/// `Basic` credentials of a URL's user information, where `%40` is `@`.
fn basic(user: &str) -> Result<HeaderValue, Refused> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut plain: Vec<u8> = percent_decode_str(name).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(plain)))
        .map_err(|_| Refused::Form)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, Refused>) {
        assert_eq!(
            ForwardProxy::parse(text).map(|proxy| proxy.to_string()),
            expect.map(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn a_proxy_is_a_url_or_an_address() {
        check("http://proxy.test:3128", Ok("http://proxy.test:3128"));
        check("HTTP://Proxy_1.test:3128/", Ok("http://proxy_1.test:3128"));
        check(" proxy.test ", Ok("http://proxy.test:80"));
        check("localhost:3128", Ok("http://localhost:3128"));
        check("10.0.0.1:8080", Ok("http://10.0.0.1:8080"));
        check("http://[::1]:3128", Ok("http://[::1]:3128"));
        check("http://me:secret@proxy.test:3128", Ok("http://proxy.test:3128"));
        check("https://proxy.test", Err(Refused::Tls));
        check("socks5h://proxy.test:1080", Err(Refused::Socks));
        check("ftp://proxy.test", Err(Refused::Scheme));
        for text in
            ["", "http://", "http://:3128", "http://a b:1", "p:0", "p:x", "p:", "p:65536", "[p]:1", "::1"]
        {
            check(text, Err(Refused::Form));
        }
        for text in ["http//x:3128", "http:/x:3128", "http://x:3128/a", "http://x:3128?a", "direct", "..."] {
            check(text, Err(Refused::Form));
        }
        for text in ["-x", "-x:3128", "http://-x", "http://a..b:1", "10.0.0.256:1"] {
            check(text, Err(Refused::Form));
        }
        check("proxy:3128", Ok("http://proxy:3128"));
        check("http://proxy", Ok("http://proxy:80"));
    }

    #[test]
    fn credentials_are_told_to_the_proxy_and_to_nobody_else() {
        for (user, expect) in [
            ("me:secret", "Basic bWU6c2VjcmV0"),
            ("me", "Basic bWU6"),
            ("me:s%40%3a%2F", "Basic bWU6c0A6Lw=="),
            ("me:a@b", "Basic bWU6YUBi"),
        ] {
            let proxy = ForwardProxy::parse(&format!("http://{user}@proxy.test:3128")).unwrap();
            assert_eq!(proxy.authorization().unwrap(), expect);
            let shown = format!("{proxy} {proxy:?} {:?}", proxy.authorization());
            assert!(!shown.contains("me:") && !shown.contains("me@") && !shown.contains("bWU6"), "{shown}");
        }
        assert_eq!(ForwardProxy::parse("proxy.test").unwrap().authorization(), None);
    }
}

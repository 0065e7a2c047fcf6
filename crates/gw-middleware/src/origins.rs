//! Which origins a CORS policy allows: exact origins, hosts, and the subdomains of a host.

use gw_value::{Fault, Spanned};
use http::Uri;

use crate::header_edits::invalid;

/// A list of allowed origins.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    any: bool,
    rules: Vec<Rule>,
}

/// One entry. Scheme and port are compared only where the entry names them, as in kratos.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    scheme: Option<String>,
    /// Lower-case; without the `*` if `subdomains`, beginning with a dot.
    host: String,
    port: Option<u16>,
    subdomains: bool,
}

impl Origins {
    /// Parses the entries; what is wrong is added to `faults`.
    pub(crate) fn parse(entries: &[Spanned<String>], faults: &mut Vec<Fault>) -> Self {
        let mut origins = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            match Rule::parse(entry) {
                Ok(None) => origins.any = true,
                Ok(Some(rule)) => origins.rules.push(rule),
                Err((message, help)) => {
                    let path = format!("allow_origins[{index}]");
                    faults.push(invalid(entry.span(), &path, message, Some(help)));
                }
            }
        }
        origins
    }

    /// Whether every origin is allowed.
    pub(crate) fn allows_any(&self) -> bool {
        self.any
    }

    /// Whether an `Origin` value is allowed. An opaque one, `null`, is only by `*`.
    pub(crate) fn allow(&self, origin: &str) -> bool {
        if self.any {
            return true;
        }
        let Some(origin) = Origin::parse(origin) else { return false };
        self.rules.iter().any(|rule| rule.matches(&origin))
    }
}

/// Whether an `Origin` value names the host that the request itself is for.
pub(crate) fn is_same_host(origin: &str, authority: &str) -> bool {
    Origin::parse(origin).is_some_and(|origin| origin.authority.eq_ignore_ascii_case(authority))
}

struct Origin {
    scheme: String,
    authority: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        Some(Self {
            scheme: uri.scheme_str()?.to_ascii_lowercase(),
            authority: authority.as_str().to_owned(),
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16(),
        })
    }
}

impl Rule {
    fn parse(entry: &str) -> Result<Option<Self>, (String, String)> {
        let text = entry.trim().to_ascii_lowercase();
        if text == "*" {
            return Ok(None);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_owned()), rest),
            None => (None, text.as_str()),
        };
        let (host, port) = split_port(rest);
        let (host, subdomains) = match host.strip_prefix('*').unwrap_or(host) {
            suffix if suffix.starts_with('.') => (suffix, true),
            suffix if suffix.len() < host.len() => {
                let message =
                    format!("`{entry}` also allows hosts that only end alike, such as `evil{suffix}`");
                return Err((
                    message,
                    format!("write \"*.{suffix}\" for subdomains, \"{suffix}\" for the host"),
                ));
            }
            host => (host, false),
        };
        if host.trim_matches('.').is_empty() || host.contains(['/', '*', ' ']) {
            let help = "write a host, \"*.example.com\", \"https://example.com:8443\" or \"*\"".to_owned();
            return Err((format!("`{entry}` is not an origin"), help));
        }
        Ok(Some(Self { scheme, host: host.to_owned(), port, subdomains }))
    }

    fn matches(&self, origin: &Origin) -> bool {
        let host = if self.subdomains { origin.host.ends_with(&self.host) } else { origin.host == self.host };
        let scheme = self.scheme.as_ref().is_none_or(|scheme| *scheme == origin.scheme);
        // An entry with a scheme is a full origin: there an absent port is the default one.
        let port = if self.scheme.is_some() {
            self.port == origin.port
        } else {
            self.port.is_none_or(|port| Some(port) == origin.port)
        };
        host && scheme && port
    }
}

fn split_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entry: &str, origin: &str, allowed: bool) {
        let mut faults = Vec::new();
        let origins = Origins::parse(&[Spanned::unplaced(entry.to_owned())], &mut faults);
        assert!(faults.is_empty(), "{entry}: {}", faults[0].message);
        assert_eq!(origins.allow(origin), allowed, "{entry} and {origin}");
    }

    #[test]
    fn an_entry_allows_what_it_names_and_nothing_else() {
        check("*", "https://any.test", true);
        check("*", "null", true);
        check("a.test", "null", false);
        check("A.test", "https://a.TEST", true);
        check("a.test", "http://a.test:8080", true);
        check("a.test:8080", "http://a.test:8080", true);
        check("a.test:8080", "http://a.test", false);
        check("a.test", "https://evila.test", false);
        check("*.a.test", "https://b.a.test", true);
        check("*.a.test", "https://a.test", false);
        check(".a.test", "https://b.a.test", true);
        check("*.a.test", "https://evila.test", false);
        check("https://a.test", "https://a.test", true);
        check("https://a.test", "http://a.test", false);
        check("https://a.test", "https://a.test:444", false);
    }

    #[test]
    fn an_entry_that_would_allow_too_much_is_refused() {
        for entry in ["*a.test", "", "a.test/path", "*.*", "."] {
            let mut faults = Vec::new();
            Origins::parse(&[Spanned::unplaced(entry.to_owned())], &mut faults);
            assert_eq!(faults.len(), 1, "{entry}");
        }
    }

    #[test]
    fn the_requests_own_host_is_recognised() {
        assert!(is_same_host("https://a.test", "A.test"));
        assert!(is_same_host("http://a.test:8080", "a.test:8080"));
        assert!(!is_same_host("http://b.test", "a.test"));
        assert!(!is_same_host("null", "a.test"));
    }
}

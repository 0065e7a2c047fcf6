//! The proxies of an environment, and who is reached through which.

use std::sync::Arc;

use crate::bypass::Bypass;
use crate::{ForwardProxy, Refused};

/// What the environment says about forward proxies. Default: there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardProxies {
    http: Option<Arc<ForwardProxy>>,
    https: Option<Arc<ForwardProxy>>,
    bypass: Bypass,
    notices: Vec<String>,
}

/// A variable that names no proxy. It never has the variable's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {why}")]
pub struct ForwardProxyError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub why: Refused,
}

const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const BYPASS: [&str; 2] = ["NO_PROXY", "no_proxy"];

impl ForwardProxies {
    /// Whether this is the name of a variable that is read here.
    pub fn reads(variable: &str) -> bool {
        [HTTP, HTTPS, BYPASS].concat().contains(&variable)
    }

    /// Reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; where one is not set or empty, its name in lower case.
    ///
    /// # Errors
    /// When a URL names no proxy that can be used. Differs from Go's, which goes without one in silence.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ForwardProxyError> {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| {
                let value = variable(name).filter(|value| !value.is_empty())?;
                Some((name, value))
            })
        };
        let proxy = |names| match first(names) {
            None => Ok(None),
            Some((variable, value)) => match ForwardProxy::parse(&value) {
                Ok(proxy) => Ok(Some(Arc::new(proxy))),
                Err(why) => Err(ForwardProxyError { variable, why }),
            },
        };
        let (name, list) = first(BYPASS).unwrap_or_default();
        let (bypass, others) = Bypass::parse(&list);
        let notice =
            |entry: &str| format!("{name}: {entry:?} is no host, address or network: it has no effect");
        let notices = others.into_iter().map(notice).collect();
        Ok(Self { http: proxy(HTTP)?, https: proxy(HTTPS)?, bypass, notices })
    }

    /// What is odd but harmless: the entries of `NO_PROXY` that can match nothing.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The proxy that leads to an upstream; `None`: it is reached directly. `host` is a name or an IP address without
    /// brackets, `tls` whether TLS is spoken with it.
    pub fn of(&self, tls: bool, host: &str, port: u16) -> Option<&Arc<ForwardProxy>> {
        let proxy = if tls { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !self.bypass.has(host, port))
    }

    /// Those that there are, by the name of their variable.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &ForwardProxy)> {
        let all = [(HTTP[0], &self.http), (HTTPS[0], &self.https)];
        all.into_iter().filter_map(|(name, proxy)| Some((name, proxy.as_deref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<ForwardProxies, ForwardProxyError> {
        ForwardProxies::from_variables(|wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn each_scheme_has_its_own_and_the_names_in_lower_case_come_second() {
        let found = proxies(&[
            ("http_proxy", "small.test"),
            ("HTTP_PROXY", "http://large.test"),
            ("HTTPS_PROXY", ""),
            ("https_proxy", "tls.test:3128"),
            ("no_proxy", "direct.test"),
        ])
        .unwrap();
        let of = |tls, host| found.of(tls, host, 80).map(|proxy| proxy.host());
        assert_eq!(of(false, "a.test"), Some("large.test"));
        assert_eq!(of(true, "a.test"), Some("tls.test"));
        assert_eq!((of(false, "direct.test"), of(true, "localhost")), (None, None));
        let only_http = proxies(&[("HTTP_PROXY", "p.test")]).unwrap();
        assert_eq!(only_http.of(true, "a.test", 443), None);
        assert_eq!(only_http.named().map(|(name, _)| name).collect::<Vec<_>>(), ["HTTP_PROXY"]);
    }

    #[test]
    fn a_bad_url_is_refused_by_its_variable_and_without_its_value() {
        let error = proxies(&[("http_proxy", "socks5://me:secret@p.test")]).unwrap_err();
        assert_eq!((error.variable, error.why), ("http_proxy", Refused::Socks));
        assert!(error.to_string().starts_with("http_proxy: ") && !error.to_string().contains("secret"));
        // One that nobody looks at does no harm.
        assert!(proxies(&[("HTTP_PROXY", "p.test"), ("http_proxy", "socks5://x")]).is_ok());
    }

    #[test]
    fn an_entry_that_matches_nothing_is_told_of() {
        let found = proxies(&[("no_proxy", "a.test,10.0.0.0/33")]).unwrap();
        let [notice] = found.notices() else { panic!("{found:?}") };
        assert!(notice.starts_with("no_proxy: \"10.0.0.0/33\" is no host"), "{notice}");
    }

    #[test]
    fn its_variables_are_known_by_name() {
        assert!(ForwardProxies::reads("NO_PROXY") && ForwardProxies::reads("https_proxy"));
        assert!(!ForwardProxies::reads("PROXY_READ_TIMEOUT") && !ForwardProxies::reads("all_proxy"));
    }
}

//! Forward proxies: which one leads to an upstream, if any.
//!
//! [`ForwardProxies`] is what `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say, by the rules of Go's
//! `http.ProxyFromEnvironment`, which the original goes by. hyper-util's matcher follows curl's: it knows no ports, lets
//! `.domain` stand for `domain` too, asks a proxy for loopback addresses, and passes over a URL that it cannot read.
//!
//! Invariant: pure data. The variables are given, and nothing is resolved or opened.
//!
//! ```
//! use gw_egress::ForwardProxies;
//!
//! let variable = |name: &str| match name {
//!     "HTTP_PROXY" => Some("http://proxy.example.com:3128".to_owned()),
//!     "NO_PROXY" => Some(".svc.example.com".to_owned()),
//!     _ => None,
//! };
//! let proxies = ForwardProxies::from_variables(variable)?;
//! assert!(proxies.of(false, "orders.example.net", 80).is_some());
//! assert!(proxies.of(false, "users.svc.example.com", 80).is_none());
//! assert!(proxies.of(true, "orders.example.net", 443).is_none(), "HTTPS_PROXY is not set");
//! # Ok::<(), gw_egress::ForwardProxyError>(())
//! ```

mod bypass;
mod name;
mod proxies;
mod proxy;

pub use proxies::{ForwardProxies, ForwardProxyError};
pub use proxy::{ForwardProxy, Refused};

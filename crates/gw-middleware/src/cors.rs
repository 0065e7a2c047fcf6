//! `cors`: answers preflights and says which origins may read an answer (WHATWG Fetch, "CORS protocol").
//!
//! Differs from kratos: a list replaces the default instead of growing it, credentials can be switched off and are never
//! combined with `*`, `Vary` is extended instead of replaced, only a real preflight is answered here, and an origin equal
//! to the request's own host passes. An origin that is not allowed is refused with 403, as in kratos.

use std::sync::Arc;
use std::time::Duration;

use gw_core::{Body, Error, Outcome, Request, Response};
use gw_value::{Fault, Options, Spanned};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;

use crate::header_edits::invalid;
use crate::origins::{Origins, is_same_host};
use crate::{Before, BuildContext, BuildError, Filter, Middleware, MiddlewareFactory, Scope};

const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const TRUE: HeaderValue = HeaderValue::from_static("true");
/// In `Vary`.
const ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// Makes `cors`.
#[derive(Debug)]
pub(crate) struct Factory;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CorsOptions {
    allow_credentials: Option<Spanned<bool>>,
    allow_origins: Vec<Spanned<String>>,
    allow_methods: Vec<Spanned<String>>,
    allow_headers: Vec<Spanned<String>>,
    expose_headers: Vec<Spanned<String>>,
    #[serde(with = "gw_value::duration")]
    max_age: Duration,
    allow_private_network: bool,
}

impl Default for CorsOptions {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|name| Spanned::unplaced((*name).to_owned())).collect();
        Self {
            allow_credentials: None,
            allow_origins: Vec::new(),
            allow_methods: list(&["GET", "POST", "PUT", "DELETE"]),
            allow_headers: list(&["Origin", "Content-Length", "Content-Type"]),
            expose_headers: Vec::new(),
            max_age: Duration::from_secs(600),
            allow_private_network: false,
        }
    }
}

struct Cors {
    origins: Origins,
    credentials: bool,
    methods: HeaderValue,
    headers: HeaderValue,
    expose: Option<HeaderValue>,
    max_age: HeaderValue,
    private_network: bool,
}

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        "cors"
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn build(&self, options: &Options, _: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        Ok(Arc::new(options.lower(|options, faults| Some(Cors::new(&options, faults)))?))
    }
}

/// Credentials default to true, as in kratos, but never together with `*`: any site could then act as the user.
fn credentials(options: &CorsOptions, origins: &Origins, faults: &mut Vec<Fault>) -> bool {
    match &options.allow_credentials {
        None => !origins.allows_any(),
        Some(asked) if **asked && origins.allows_any() => {
            let message = "credentials cannot be allowed to every origin".to_owned();
            let help = "name the origins, or leave `allow_credentials` out".to_owned();
            faults.push(invalid(asked.span(), "allow_credentials", message, Some(help)));
            false
        }
        Some(asked) => **asked,
    }
}

fn join(
    names: &[Spanned<String>],
    path: &str,
    form: impl Fn(&str) -> String,
    faults: &mut Vec<Fault>,
) -> HeaderValue {
    let mut list: Vec<String> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let text = form(name.trim());
        if HeaderName::from_bytes(text.as_bytes()).is_err() {
            let message = format!("`{}` is not a valid name", **name);
            faults.push(invalid(name.span(), &format!("{path}[{index}]"), message, None));
        } else if !list.contains(&text) {
            list.push(text);
        }
    }
    HeaderValue::from_str(&list.join(",")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

impl Cors {
    /// What is wrong is added to `faults`.
    fn new(options: &CorsOptions, faults: &mut Vec<Fault>) -> Self {
        let origins = Origins::parse(&options.allow_origins, faults);
        let expose = &options.expose_headers;
        Self {
            credentials: credentials(options, &origins, faults),
            methods: join(&options.allow_methods, "allow_methods", str::to_ascii_uppercase, faults),
            headers: join(&options.allow_headers, "allow_headers", str::to_owned, faults),
            expose: (!expose.is_empty()).then(|| join(expose, "expose_headers", str::to_owned, faults)),
            max_age: HeaderValue::from(options.max_age.as_secs()),
            private_network: options.allow_private_network,
            origins,
        }
    }

    fn preflight(&self, request: &HeaderMap, origin: HeaderValue) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.allow(headers, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        for name in [header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_REQUEST_HEADERS] {
            headers.append(header::VARY, HeaderValue::from(name));
        }
        if self.private_network && request.get(REQUEST_PRIVATE_NETWORK).is_some_and(|asked| asked == TRUE) {
            headers.insert(ALLOW_PRIVATE_NETWORK, TRUE);
        }
        response
    }

    /// What preflights and other answers have in common.
    fn allow(&self, headers: &mut HeaderMap, origin: HeaderValue) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, ORIGIN);
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        } else {
            headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        }
    }

    fn allows(&self, req: &Request, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let host = req.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        self.origins.allow(origin) || host.is_some_and(|host| is_same_host(origin, host))
    }
}

fn is_preflight(req: &Request) -> bool {
    req.method() == Method::OPTIONS && req.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

impl Filter for Cors {
    fn before(&self, req: &mut Request) -> gw_core::Result<Before> {
        let Some(origin) = req.headers().get(header::ORIGIN).cloned() else { return Ok(Before::Pass(None)) };
        if !self.allows(req, &origin) {
            return Err(Error::reject(Outcome::Denied).with_detail("the origin is not allowed"));
        }
        if is_preflight(req) {
            return Ok(Before::Answer(self.preflight(req.headers(), origin)));
        }
        Ok(Before::Pass(Some(origin)))
    }

    fn after(&self, origin: Option<HeaderValue>, response: &mut Response) {
        let headers = response.headers_mut();
        let Some(origin) = origin else {
            // Else a cache could hand this answer to a page of an allowed origin, which then may not read it.
            headers.append(header::VARY, ORIGIN);
            return;
        };
        self.allow(headers, origin);
        if let Some(expose) = &self.expose {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }
}

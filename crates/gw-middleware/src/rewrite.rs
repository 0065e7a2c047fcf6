//! `rewrite`: changes path, host and headers of a request, and headers of its response.
//!
//! Order: `path_rewrite`, `host_rewrite`, `strip_prefix`, then headers (as in kratos). The path is edited as raw bytes and
//! the query is kept. Differs from kratos: `strip_prefix` ends at a segment boundary (`/api` does not touch `/apix`),
//! and `path_rewrite` and `host_rewrite` may name the route's variables, `{name}`.

use std::sync::Arc;

use gw_core::{Error, Outcome, Request, RequestContext, Response};
use gw_value::{Fault, Options, Spanned};
use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Uri};
use serde::Deserialize;

use crate::header_edits::{HeaderEdits, HeadersPolicy, invalid};
use crate::{Before, BuildContext, BuildError, Filter, Middleware, MiddlewareFactory, Scope};

/// Makes `rewrite`.
#[derive(Debug)]
pub(crate) struct Factory;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RewriteOptions {
    path_rewrite: Option<Spanned<String>>,
    host_rewrite: Option<Spanned<String>>,
    strip_prefix: Option<Spanned<String>>,
    request_headers_rewrite: HeadersPolicy,
    response_headers_rewrite: HeadersPolicy,
}

struct Rewrite {
    path: Option<Template>,
    host: Option<Template>,
    strip_prefix: Option<String>,
    request: HeaderEdits,
    response: HeaderEdits,
}

impl MiddlewareFactory for Factory {
    fn name(&self) -> &'static str {
        "rewrite"
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn build(&self, options: &Options, _: &BuildContext) -> Result<Arc<dyn Middleware>, BuildError> {
        Ok(Arc::new(options.lower(|options, faults| Some(Rewrite::new(&options, faults)))?))
    }
}

fn must_be_path(path: &Spanned<String>, key: &str) -> Option<Fault> {
    let help = || Some(format!("write \"/{}\"", **path));
    (!path.starts_with('/')).then(|| invalid(path.span(), key, "a path begins with `/`".to_owned(), help()))
}

/// A query belongs to the request, and what is no path would be found out with each.
fn must_make_paths(path: &Spanned<String>) -> Option<Fault> {
    let made = Template::parse(path).sample();
    let help = match made.find(['?', '#']) {
        Some(_) => "the query of the request is kept; `%3F` and `%23` are `?` and `#` in a path",
        None if PathAndQuery::try_from(made).is_err() => {
            "write what may not stand there as `%` and two digits: `%20` is a space"
        }
        None => return None,
    };
    let message = format!("{:?} is no path", **path);
    Some(invalid(path.span(), "path_rewrite", message, Some(help.to_owned())))
}

fn must_make_hosts(host: &Spanned<String>) -> Option<Fault> {
    let made = Template::parse(host).sample();
    let valid = made.is_empty() || !made.contains('@') && Authority::try_from(made).is_ok();
    let help = "write `example.com`, or `example.com:8080`".to_owned();
    let message = || format!("{:?} is no host", **host);
    (!valid).then(|| invalid(host.span(), "host_rewrite", message(), Some(help)))
}

impl Rewrite {
    /// What is wrong is added to `faults`.
    fn new(options: &RewriteOptions, faults: &mut Vec<Fault>) -> Self {
        let RewriteOptions { path_rewrite, host_rewrite, strip_prefix, .. } = options;
        for (path, key) in [(path_rewrite, "path_rewrite"), (strip_prefix, "strip_prefix")] {
            faults.extend(path.as_ref().and_then(|path| must_be_path(path, key)));
        }
        let rooted = path_rewrite.as_ref().filter(|path| path.starts_with('/'));
        faults.extend(rooted.and_then(must_make_paths));
        faults.extend(host_rewrite.as_ref().and_then(must_make_hosts));
        let template = |text: &Option<Spanned<String>>| text.as_ref().map(|text| Template::parse(text));
        let (request, response) = (&options.request_headers_rewrite, &options.response_headers_rewrite);
        Self {
            path: template(path_rewrite),
            host: template(host_rewrite),
            strip_prefix: strip_prefix.as_ref().map(|prefix| prefix.trim_end_matches('/').to_owned()),
            request: HeaderEdits::parse(request, "request_headers_rewrite", faults),
            response: HeaderEdits::parse(response, "response_headers_rewrite", faults),
        }
    }

    fn request(&self, req: &mut Request) -> gw_core::Result<()> {
        if self.path.is_some() || self.strip_prefix.is_some() {
            let path = self.new_path(req);
            *req.uri_mut() = with_path(req.uri(), &path)?;
        }
        if let Some(host) = &self.host {
            let host = host.expand(req);
            let host =
                HeaderValue::from_str(&host).map_err(|e| Error::unsent(Outcome::Internal).with_source(e))?;
            req.headers_mut().insert(HOST, host);
        }
        self.request.apply(req.headers_mut());
        Ok(())
    }

    fn new_path(&self, req: &Request) -> String {
        let path = match &self.path {
            Some(template) => template.expand(req),
            None => req.uri().path().to_owned(),
        };
        match self.strip_prefix.as_deref().and_then(|prefix| path.strip_prefix(prefix)) {
            Some("") => "/".to_owned(),
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path,
        }
    }
}

fn with_path(uri: &Uri, path: &str) -> gw_core::Result<Uri> {
    let target = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    target.map(Uri::from).map_err(|error| Error::unsent(Outcome::Internal).with_source(error))
}

impl Filter for Rewrite {
    fn before(&self, req: &mut Request) -> gw_core::Result<Before> {
        self.request(req)?;
        Ok(Before::Pass(None))
    }

    fn after(&self, _: Option<HeaderValue>, response: &mut Response) {
        self.response.apply(response.headers_mut());
    }
}

/// Text with `{name}` holes for the route's variables; a hole without such a variable stays as it is.
struct Template(Vec<Part>);

enum Part {
    Text(String),
    Variable(String),
}

impl Template {
    fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Variable(name.to_owned()));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Self(parts)
    }

    /// What it may give.
    fn sample(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(_) => "1".to_owned(),
        };
        self.0.iter().map(text).collect()
    }

    fn expand(&self, req: &Request) -> String {
        let cx = RequestContext::of(req);
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable(name) => match cx.and_then(|cx| cx.var(name)) {
                    Some(value) => text.push_str(value),
                    None => text.extend(["{", name, "}"]),
                },
            }
        }
        text
    }
}

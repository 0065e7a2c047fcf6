//! Lowering: a decoded document becomes compiled endpoints, or all of its errors at once.
//!
//! The first pass, [`compile`], needs no sockets and no runtime: `gateway validate` runs it alone. The second, in
//! `publish`, only puts the parts together.

mod backends;
mod clients;
mod middlewares;
mod policy;

use std::sync::Arc;
use std::time::Duration;

use gw_client::ClusterSpec;
use gw_config::v1::{Endpoint, PathPolicy, Protocol};
use gw_config::{Diagnostic, Diagnostics, Document, FeatureGates, Loaded};
use gw_core::EndpointInfo;
use gw_middleware::{Middleware, Registry, Surroundings};
use gw_router::{Builder, Field, Options, PatternError, RouteSpec};
use gw_value::{Span, Spanned};
use http::Method;

use crate::deadline::Timeouts;
use crate::retry::RetryPolicy;
pub(crate) use clients::Deferred;

/// What lowering needs beside the document.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The middlewares there are.
    pub registry: Registry,
    /// Whether `/s` and `/s/` redirect to each other where only one of them is a route. Default false.
    pub strict_slash: bool,
    /// What middlewares share.
    pub surroundings: Surroundings,
    /// Switches of the running gateway: with `gw:Retry` closed nothing is tried again.
    pub gates: FeatureGates,
}

/// A document that can be served: nothing in it can fail but opening a connection.
pub struct Compiled {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) endpoints: Vec<CompiledEndpoint>,
    pub(crate) router: gw_router::Router<usize>,
    pub(crate) refusal: Chains,
    /// The clients that the shared instances of the global chain asked for.
    pub(crate) deferred: Vec<Arc<Deferred>>,
    pub(crate) path_policy: PathPolicy,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) left_out: Vec<String>,
}

pub(crate) struct CompiledEndpoint {
    pub(crate) info: Arc<EndpointInfo>,
    pub(crate) chains: Chains,
    pub(crate) cluster: ClusterSpec,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeouts: Timeouts,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) gates: FeatureGates,
    pub(crate) span: Span,
}

/// Middlewares by phase, outermost first.
#[derive(Default)]
pub(crate) struct Chains {
    pub(crate) request: Vec<Arc<dyn Middleware>>,
    pub(crate) attempt: Vec<Arc<dyn Middleware>>,
    /// The clients they asked for.
    pub(crate) deferred: Vec<Arc<Deferred>>,
}

impl Compiled {
    /// What is odd but served.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Logs what is odd but served, each with its place and what to do about it.
    pub fn log_warnings(&self) {
        let document = self.document();
        for Diagnostic { code, message, span, help, .. } in &self.warnings {
            let (file, at) = (document.locate(*span).0.name(), document.position(*span));
            tracing::warn!(code, file, help = help.join("; "), "{message} {at}");
        }
    }

    /// The middlewares that could not be built and are served without, by name.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The document that it was compiled from.
    pub fn document(&self) -> &Arc<Document> {
        &self.loaded.document
    }

    /// How many endpoints there are.
    pub fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }
}

impl Compiler {
    /// Lowers a document.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at its place.
    pub fn compile(&self, loaded: Arc<Loaded>) -> Result<Compiled, Diagnostics> {
        let mut pass = Pass::new(self, &loaded);
        pass.warnings.clone_from(&loaded.warnings);
        let profiles = Arc::new(backends::Profiles::load(&mut pass));
        let middlewares = middlewares::Middlewares::new(&mut pass, &loaded, &profiles);
        let deferred = middlewares.deferred();
        let refusal = middlewares.refusal(&mut pass);
        let mut routes = Builder::new(Options { strict_slash: self.strict_slash });
        let mut endpoints = Vec::with_capacity(loaded.gateway.endpoints.len());
        for endpoint in &loaded.gateway.endpoints {
            let compiled = pass.endpoint(endpoint, &middlewares, &profiles);
            pass.route(endpoint, &mut routes, endpoints.len());
            endpoints.push(compiled);
        }
        pass.same_identities();
        let Pass { errors, warnings, left_out, .. } = pass;
        if !errors.is_empty() {
            return Err(Diagnostics::new(Arc::clone(&loaded.document), errors));
        }
        let path_policy = loaded.gateway.path_policy;
        let router = routes.build();
        Ok(Compiled { loaded, endpoints, router, refusal, deferred, path_policy, warnings, left_out })
    }
}

/// One run over a document, collecting what it finds.
pub(crate) struct Pass<'a> {
    pub(crate) compiler: &'a Compiler,
    pub(crate) loaded: &'a Loaded,
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) left_out: Vec<String>,
}

impl<'a> Pass<'a> {
    /// A run that has found nothing yet.
    fn new(compiler: &'a Compiler, loaded: &'a Loaded) -> Self {
        Self { compiler, loaded, errors: Vec::new(), warnings: Vec::new(), left_out: Vec::new() }
    }
}

impl Pass<'_> {
    /// An id names one endpoint: state that outlives a reload is kept by it.
    fn same_identities(&mut self) {
        let mut seen = std::collections::HashMap::new();
        for endpoint in &self.loaded.gateway.endpoints {
            let Some(id) = &endpoint.id else { continue };
            if let Some(first) = seen.insert(id, endpoint.span()) {
                let first = self.loaded.document.place(first);
                let message = format!("two endpoints have the id `{id}`");
                let error = Diagnostic::error("GW0304", message, endpoint.span());
                self.errors.push(error.with_help(format!("the first one is {first}")));
            }
        }
    }

    fn endpoint(
        &mut self,
        endpoint: &Spanned<Endpoint>,
        middlewares: &middlewares::Middlewares,
        profiles: &backends::Profiles,
    ) -> CompiledEndpoint {
        let info = Arc::new(EndpointInfo {
            name: identity(endpoint).into(),
            route: (**endpoint.path).into(),
            methods: joined(&methods(endpoint)).into(),
            grpc: endpoint.protocol == Protocol::Grpc,
            metadata: endpoint.metadata.clone(),
        });
        CompiledEndpoint {
            chains: middlewares.endpoint(self, endpoint, &info),
            cluster: backends::cluster(self, endpoint, &info, profiles),
            retry: policy::retry(self, endpoint),
            timeouts: policy::timeouts(self, endpoint),
            idle_timeout: policy::idle_timeout(self, endpoint),
            gates: self.compiler.gates.clone(),
            span: endpoint.span(),
            info,
        }
    }

    fn route(&mut self, endpoint: &Spanned<Endpoint>, routes: &mut Builder<usize>, index: usize) {
        let spec = RouteSpec {
            hosts: hosts(endpoint).map(|host| (**host).clone()).collect(),
            path: (*endpoint.path).clone(),
            methods: methods(endpoint),
        };
        if let Err(error) = routes.add(&spec, index) {
            let diagnostic = self.pattern_error(endpoint, &error);
            self.errors.push(diagnostic);
        }
    }

    fn pattern_error(&self, endpoint: &Spanned<Endpoint>, error: &PatternError) -> Diagnostic {
        let span = match error.field {
            Field::Host(index) => hosts(endpoint).nth(index).map_or(endpoint.span(), Spanned::span),
            Field::Path | Field::Duplicate { .. } => endpoint.path.span(),
        };
        if let Field::Duplicate { of } = error.field {
            let first = self.loaded.gateway.endpoints.get(of).map_or(Span::NONE, |first| first.path.span());
            return Diagnostic::error("GW0304", error.to_string(), span)
                .with_help(format!("the first one is {}", self.loaded.document.place(first)));
        }
        let diagnostic = Diagnostic::error("GW0303", error.to_string(), span);
        match error.help() {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        }
    }
}

fn hosts(endpoint: &Endpoint) -> impl Iterator<Item = &Spanned<String>> {
    endpoint.host.iter().filter(|host| !host.is_empty()).chain(&endpoint.hosts)
}

/// The methods an endpoint takes; none means any. Bad tokens were refused with the document.
pub(crate) fn methods(endpoint: &Endpoint) -> Vec<Method> {
    let listed = endpoint.method.iter().chain(&endpoint.methods);
    let mut methods = Vec::new();
    for method in listed.filter(|method| !method.is_empty()) {
        if **method == "*" {
            return Vec::new();
        }
        methods.extend(Method::from_bytes(method.to_ascii_uppercase().as_bytes()));
    }
    methods
}

fn joined(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(",")
}

/// What identifies an endpoint across reloads: its id, else what it matches.
pub(crate) fn identity(endpoint: &Endpoint) -> String {
    if let Some(id) = &endpoint.id {
        return id.clone();
    }
    let methods = joined(&methods(endpoint));
    let hosts = hosts(endpoint).map(|host| host.as_str()).collect::<Vec<_>>().join(",");
    let methods = if methods.is_empty() { "*".to_owned() } else { methods };
    format!("{methods} {hosts}{}", *endpoint.path)
}

//! Lowering of the middleware chains: names to factories, options to instances.

use std::sync::Arc;

use gw_config::v1::{self, Endpoint};
use gw_config::{Diagnostic, Loaded};
use gw_core::EndpointInfo;
use gw_middleware::{BuildContext, BuildError, Clients, Middleware, MiddlewareFactory, Phase, Scope};
use gw_value::{Options, Spanned};

use super::backends::Profiles;
use super::clients::{Asked, Deferred};
use super::{Chains, Pass};

/// The name of the global chain in identities.
const GLOBAL: &str = "global";

/// How many middlewares may stand around one endpoint, global ones included: each takes its part of a worker's stack.
const MAX_CHAIN: usize = 64;

/// The global chain: shared instances are made once, the others anew for each endpoint.
pub(super) struct Middlewares {
    shared: Vec<Option<Arc<dyn Middleware>>>,
    asked: Asked,
    clients: Clients,
}

/// Which chain a middleware stands in, and which of its name it is there.
struct Place<'a> {
    chain: &'static str,
    nth: usize,
    info: &'a Arc<EndpointInfo>,
}

impl Middlewares {
    /// Makes the shared instances of the global chain.
    pub(super) fn new(pass: &mut Pass<'_>, loaded: &Arc<Loaded>, profiles: &Arc<Profiles>) -> Self {
        let asked = Asked::default();
        let clients = asked.clients(pass.compiler, loaded, profiles);
        let mut middlewares = Self { shared: Vec::new(), asked, clients };
        let info = Arc::new(EndpointInfo { name: "*".into(), route: "*".into(), ..EndpointInfo::default() });
        let list = &pass.loaded.gateway.middlewares;
        middlewares.shared = list
            .iter()
            .enumerate()
            .map(|(index, entry)| match pass.factory(entry) {
                Some(factory) if factory.scope() == Scope::Shared => {
                    let place = Place { chain: GLOBAL, nth: nth(list, index), info: &info };
                    pass.build(entry, factory, &place, &middlewares.clients)
                }
                _ => None,
            })
            .collect();
        middlewares
    }

    /// The clients that the shared instances asked for.
    pub(super) fn deferred(&self) -> Vec<Arc<Deferred>> {
        self.asked.take()
    }

    /// The chain of route 0: the global one, reporting what is wrong with it, once.
    pub(super) fn refusal(&self, pass: &mut Pass<'_>) -> Chains {
        let info = Arc::new(EndpointInfo { name: "-".into(), route: "-".into(), ..EndpointInfo::default() });
        let mut chains = Chains::default();
        pass.not_too_long(0, &pass.loaded.gateway.middlewares);
        for (index, entry) in pass.loaded.gateway.middlewares.iter().enumerate() {
            if pass.factory(entry).is_none() {
                pass.unknown(entry);
            }
            self.global(pass, index, entry, &info, &mut chains);
        }
        chains.deferred = self.asked.take();
        chains
    }

    /// The chain of an endpoint: the global one outside, its own inside.
    pub(super) fn endpoint(
        &self,
        pass: &mut Pass<'_>,
        endpoint: &Endpoint,
        info: &Arc<EndpointInfo>,
    ) -> Chains {
        let mut chains = Chains::default();
        // What is wrong with the global chain was reported with route 0.
        let reported = (pass.errors.len(), pass.warnings.len(), pass.left_out.len());
        for (index, entry) in pass.loaded.gateway.middlewares.iter().enumerate() {
            self.global(pass, index, entry, info, &mut chains);
        }
        pass.errors.truncate(reported.0);
        pass.warnings.truncate(reported.1);
        pass.left_out.truncate(reported.2);
        pass.not_too_long(pass.loaded.gateway.middlewares.len(), &endpoint.middlewares);
        for (index, entry) in endpoint.middlewares.iter().enumerate() {
            match pass.factory(entry) {
                Some(factory) => {
                    let place = Place { chain: "endpoint", nth: nth(&endpoint.middlewares, index), info };
                    let built = pass.build(entry, factory, &place, &self.clients);
                    chains.push(factory.phase(), built);
                }
                None => pass.unknown(entry),
            }
        }
        chains.deferred = self.asked.take();
        chains
    }

    fn global(
        &self,
        pass: &mut Pass<'_>,
        index: usize,
        entry: &Spanned<v1::Middleware>,
        info: &Arc<EndpointInfo>,
        chains: &mut Chains,
    ) {
        let Some(factory) = pass.factory(entry) else { return };
        let built = match factory.scope() {
            Scope::Shared => self.shared.get(index).cloned().flatten(),
            Scope::PerRoute => {
                let list = &pass.loaded.gateway.middlewares;
                let place = Place { chain: GLOBAL, nth: nth(list, index), info };
                pass.build(entry, factory, &place, &self.clients)
            }
        };
        chains.push(factory.phase(), built);
    }
}

impl Chains {
    fn push(&mut self, phase: Phase, middleware: Option<Arc<dyn Middleware>>) {
        let Some(middleware) = middleware else { return };
        self.attempt.extend(Arc::clone(&middleware).attempt());
        match phase {
            Phase::Request => self.request.push(middleware),
            Phase::Attempt => self.attempt.push(middleware),
        }
    }
}

/// Which of its name an entry is in its chain.
fn nth(list: &[Spanned<v1::Middleware>], index: usize) -> usize {
    let same = |entry: &&Spanned<v1::Middleware>| entry.name.eq_ignore_ascii_case(&list[index].name);
    list[..index].iter().filter(same).count()
}

impl<'a> Pass<'a> {
    fn factory(&self, entry: &v1::Middleware) -> Option<&'a dyn MiddlewareFactory> {
        let compiler = self.compiler;
        compiler.registry.get(&entry.name)
    }

    /// Complains about the first entry that is too many, after so many outside; of a global one, once.
    fn not_too_long(&mut self, outside: usize, list: &[Spanned<v1::Middleware>]) {
        let Some(first) = MAX_CHAIN.checked_sub(outside).and_then(|room| list.get(room)) else { return };
        let length = outside + list.len();
        let message = format!(
            "{length} middlewares around one endpoint, {outside} of them global; {MAX_CHAIN} are the most"
        );
        self.errors.push(Diagnostic::error("GW0312", message, first.span()));
    }

    fn unknown(&mut self, entry: &v1::Middleware) {
        let registry = &self.compiler.registry;
        let help = match registry.suggest(&entry.name) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there are: {}", registry.names().join(", ")),
        };
        let message = format!("unknown middleware `{}`", *entry.name);
        self.errors.push(Diagnostic::error("GW0301", message, entry.name.span()).with_help(help));
    }

    /// One instance; `None` after reporting why not. Only an explicit `required = false` makes that a warning.
    fn build(
        &mut self,
        entry: &Spanned<v1::Middleware>,
        factory: &dyn MiddlewareFactory,
        place: &Place<'_>,
        clients: &Clients,
    ) -> Option<Arc<dyn Middleware>> {
        let options = match &entry.options {
            Some(value) => {
                Options::new(value.clone(), self.loaded.dialect_at(entry.span()), self.loaded.gateway.strict)
            }
            None => Options::none(),
        };
        let options = options.with_path("options").with_span(entry.span());
        let Place { chain, nth, info } = place;
        let identity = format!("{}\n{chain}\n{}\n{nth}", info.name, factory.name());
        let surroundings = self.compiler.surroundings.clone();
        let cx = BuildContext::new(Arc::clone(info), surroundings, Arc::clone(clients), &identity)
            .with_gateway(&self.loaded.gateway.name);
        let built = factory.build(&options, &cx);
        self.warnings.extend(options.warnings().into_iter().map(Diagnostic::from));
        let diagnostics: Vec<_> = match built {
            Ok(middleware) => return Some(middleware),
            Err(BuildError::Options(faults)) => faults.into_iter().map(Diagnostic::from).collect(),
            Err(BuildError::Failed(source)) => {
                let message = format!("middleware `{}` cannot be built: {source}", *entry.name);
                vec![Diagnostic::error("GW0305", message, entry.name.span())]
            }
        };
        if entry.required == Some(false) {
            self.left_out.push((*entry.name).clone());
            self.warnings.extend(diagnostics.into_iter().map(|diagnostic| {
                diagnostic.into_warning().with_help("`required = false`: the endpoint serves without it")
            }));
        } else {
            self.errors.extend(diagnostics);
        }
        None
    }
}

//! What a decoded document says against itself, as far as it can be told without routers, middlewares or sockets.
//!
//! It runs although the decoder found errors. Then faulty values have their defaults, so nothing that may follow from
//! a default is complained about: [`Faulty`].

mod backends;
mod discovery;
mod endpoints;
mod faulty;
mod listeners;
mod missing;
mod retry;
#[cfg(test)]
mod tests;

use gw_value::{Dialect, Fault, Span, Spanned, Value, suggest};

use crate::codes::{DEPRECATED, HALF_A_PAIR, NO_POLICY};
use crate::{Diagnostic, v1};
use faulty::Faulty;

/// The policies that `gw-selector` has.
const POLICIES: &[&str] = &["p2c", "wrr", "random", "round_robin", "least_request", "hash"];

/// All complaints, in no order.
pub(crate) fn check(
    gateway: &v1::Gateway,
    dialect: Dialect,
    tree: &Value,
    faults: &[Fault],
) -> Vec<Diagnostic> {
    let mut check = Check { gateway, dialect, tree, faulty: Faulty::new(tree, faults), found: Vec::new() };
    check.deprecated();
    check.listeners();
    check.discovery();
    check.balancer(gateway.balancer.as_ref());
    check.profiles();
    check.missing();
    check.endpoints();
    check.found
}

/// What is wrong with an endpoint that stands in a middleware's options, given the document around it.
pub fn check_nested(endpoint: &Spanned<v1::Endpoint>, around: &crate::Loaded) -> Vec<Diagnostic> {
    let tree = Value::default();
    let (gateway, dialect) = (&around.gateway, around.dialect_at(endpoint.span()));
    let mut check =
        Check { gateway, dialect, tree: &tree, faulty: Faulty::new(&tree, &[]), found: Vec::new() };
    check.balancer(endpoint.balancer.as_ref());
    check.backends(endpoint);
    check.found
}

/// The complaints about the endpoints of a priority file. `main` is the tree of the document that it belongs to.
pub(crate) fn check_priority(
    priority: &v1::Priority,
    dialect: Dialect,
    (main, tree): (&Value, &Value),
    faults: &[Fault],
) -> Vec<Diagnostic> {
    let gateway = v1::Gateway { endpoints: priority.endpoints.clone(), ..v1::Gateway::default() };
    let faulty = Faulty::new(tree, faults);
    let mut check = Check { gateway: &gateway, dialect, tree: main, faulty, found: Vec::new() };
    check.missing();
    check.endpoints();
    check.found
}

struct Check<'a> {
    gateway: &'a v1::Gateway,
    dialect: Dialect,
    tree: &'a Value,
    faulty: Faulty,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span, help: impl Into<String>) {
        self.found.push(Diagnostic::error(code, message, span).with_help(help));
    }

    fn deprecated(&mut self) {
        if let Some(first) = self.gateway.hosts.first() {
            let message = "`hosts` at the top has no effect and is deprecated";
            let help = "say the host at each endpoint: `host`";
            self.found.push(Diagnostic::warning(DEPRECATED, message, first.span()).with_help(help));
        }
    }

    fn balancer(&mut self, balancer: Option<&Spanned<v1::Balancer>>) {
        let Some(policy) = balancer.and_then(|balancer| balancer.policy.as_ref()) else { return };
        if POLICIES.iter().any(|known| known.eq_ignore_ascii_case(policy)) {
            return;
        }
        let help = match suggest(policy, POLICIES.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there are: {}", POLICIES.join(", ")),
        };
        self.error(NO_POLICY, format!("unknown balancer policy `{}`", **policy), policy.span(), help);
    }

    fn profiles(&mut self) {
        for (name, tls) in &self.gateway.tls_store {
            self.pair(&format!("TLS profile `{name}`"), tls.span(), &tls.cert, &tls.key);
        }
    }

    /// A certificate is of no use without its key.
    fn pair(&mut self, owner: &str, span: Span, cert: &str, key: &str) {
        if !self.faulty.is_sound(span, "cert") || !self.faulty.is_sound(span, "key") {
            return;
        }
        let (has, lacks) = match (cert.is_empty(), key.is_empty()) {
            (false, true) => ("cert", "key"),
            (true, false) => ("key", "cert"),
            _ => return,
        };
        let message = format!("{owner} has a `{has}` but no `{lacks}`");
        self.error(HALF_A_PAIR, message, span, format!("add `{lacks}`, or remove `{has}`"));
    }
}

//! Backends: that there are some, their weights, their TLS profiles.

use gw_value::{Dialect, Spanned, Value, suggest};

use super::Check;
use crate::Diagnostic;
use crate::codes::{BAD_WEIGHT, NO_BACKENDS, NO_EFFECT, NO_PROFILE};
use crate::v1::{Backend, Endpoint};

impl Check<'_> {
    pub(super) fn backends(&mut self, endpoint: &Spanned<Endpoint>) {
        if endpoint.backends.is_empty() && self.faulty.is_sound(endpoint.span(), "backends") {
            let message = "the endpoint has no backends: it would answer 503 to every request";
            let help = "add `backends`, each with a `target`";
            let found = Diagnostic::error(NO_BACKENDS, message, endpoint.span()).with_help(help);
            // Legal in kratos, and files have it.
            self.found.push(match self.dialect {
                Dialect::Native => found,
                Dialect::Go => found.into_warning(),
            });
        }
        for backend in &endpoint.backends {
            self.weight(backend);
            self.profile(backend);
            self.health_check(backend);
        }
    }

    /// The original parses it and never looks at it.
    fn health_check(&mut self, backend: &Backend) {
        if let Some(check) = &backend.health_check {
            let message = "`health_check` has no effect: nodes are judged by the requests they get";
            let help = "remove it; a discovery's own checks are followed";
            self.found.push(Diagnostic::warning(NO_EFFECT, message, check.span).with_help(help));
        }
    }

    fn weight(&mut self, backend: &Backend) {
        let Some(weight) = &backend.weight else { return };
        if !(0..=65_535).contains(&**weight) {
            let message = format!("the weight {} is out of range", **weight);
            self.error(BAD_WEIGHT, message, weight.span(), "a weight is 0 to 65535; the default is 100");
        }
    }

    /// Differs from kratos, where a missing profile is a warning and the system's roots are used.
    fn profile(&mut self, backend: &Backend) {
        let Some(name) = backend.tls_config_name.as_ref().filter(|name| !name.is_empty()) else { return };
        // The tree's, for a profile that could not be read is there all the same.
        let store = ["tls_store", "tlsStore"].iter().find_map(|key| self.tree.get(key));
        let written = store.map_or(&[][..], Value::entries).iter().map(|(key, _)| key.name.as_str());
        let read = self.gateway.tls_store.keys().map(String::as_str).filter(|_| store.is_none());
        let names: Vec<&str> = written.chain(read).collect();
        if names.contains(&name.as_str()) {
            return;
        }
        let help = match (suggest(name, names.iter().copied()), names.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => "define it in `tls_store`".to_owned(),
            (None, false) => format!("`tls_store` has: {}", names.join(", ")),
        };
        self.error(NO_PROFILE, format!("there is no TLS profile `{}`", **name), name.span(), help);
    }
}

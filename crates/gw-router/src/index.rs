//! The index of all routes: by host, then by path, then by method.
//!
//! Routes of any host stand beside the hosts, not under each of them: a lookup searches both and keeps the first route.

use crate::Target;
use crate::authority::Authority;
use crate::direction::{Backward, Forward};
use crate::host::HostPattern;
use crate::methods::Methods;
use crate::pattern::Pattern;
use crate::trie::{Ranked, Trie, Visit};

/// The routes, as numbers.
#[derive(Debug)]
pub(crate) struct Index {
    any_host: Paths,
    /// Hosts whose port does not count, read from the right.
    hosts: Trie<Host, Backward>,
    /// Hosts whose port does, read from the right: `:8080`, then the host.
    ported: Trie<Host, Backward>,
}

/// What the numbers in an [`Index`] stand for.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) paths: Vec<Pattern>,
}

/// A route for an [`Index`].
pub(crate) struct Entry<'a> {
    pub(crate) route: usize,
    /// Numbers of host templates; none for any host.
    pub(crate) hosts: &'a [usize],
    pub(crate) path: usize,
    pub(crate) methods: &'a [http::Method],
}

/// The routes of one host and one path pattern.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) path: usize,
    pub(crate) methods: Methods,
    first: usize,
    /// Whether the pattern is literal: who was led here matches it, and nobody has to look at it.
    pub(crate) is_literal: bool,
    /// Whether anything may follow.
    pub(crate) is_open: bool,
}

type Paths = Trie<Group, Forward>;

#[derive(Debug)]
struct Host {
    pattern: usize,
    paths: Paths,
}

impl Ranked for Group {
    fn first(&self) -> usize {
        self.first
    }
}

impl Ranked for Host {
    fn first(&self) -> usize {
        self.paths.first()
    }
}

impl Default for Index {
    fn default() -> Self {
        Self { any_host: Trie::new(b'/'), hosts: Trie::new(b'.'), ported: Trie::new(b'.') }
    }
}

impl Index {
    /// Enters a route. Routes must come in ascending order.
    pub(crate) fn add(&mut self, entry: &Entry<'_>, patterns: &Patterns) {
        let path = &patterns.paths[entry.path];
        if entry.hosts.is_empty() {
            enter(&mut self.any_host, entry, path);
        }
        for pattern in entry.hosts {
            let host = &patterns.hosts[*pattern];
            let trie = if host.has_port() { &mut self.ported } else { &mut self.hosts };
            let leaf = trie.at(&host.key(), entry.route);
            let place = leaf.iter().position(|host| host.pattern == *pattern).unwrap_or_else(|| {
                leaf.push(Host { pattern: *pattern, paths: Trie::new(b'/') });
                leaf.len() - 1
            });
            enter(&mut leaf[place].paths, entry, path);
        }
    }

    /// Offers to `visit` every group whose host matches and whose path may match, and whose first route comes before
    /// `bound`. It answers with the bound from then on.
    pub(crate) fn walk<'t>(
        &'t self,
        patterns: &Patterns,
        target: &Target<'_>,
        path: &str,
        mut bound: usize,
        visit: Visit<'_, 't, Group>,
    ) {
        bound = self.any_host.walk(path.as_bytes(), bound, visit);
        if self.hosts.first().min(self.ported.first()) >= bound {
            return;
        }
        let authority = Authority::new(target.host);
        let mut visit_host = |host: &'t Host, bound| {
            if patterns.hosts[host.pattern].matches(&authority) {
                host.paths.walk(path.as_bytes(), bound, visit)
            } else {
                bound
            }
        };
        bound = self.hosts.walk(authority.name().as_bytes(), bound, &mut visit_host);
        if authority.port.is_some() && self.ported.first() < bound {
            self.ported.walk(authority.name_and_port().as_bytes(), bound, &mut visit_host);
        }
    }
}

fn enter(paths: &mut Paths, entry: &Entry<'_>, pattern: &Pattern) {
    let leaf = paths.at(&pattern.key(), entry.route);
    let place = leaf.iter().position(|group| group.path == entry.path).unwrap_or_else(|| {
        leaf.push(Group {
            path: entry.path,
            methods: Methods::default(),
            first: entry.route,
            is_literal: pattern.as_literal().is_some(),
            is_open: pattern.open,
        });
        leaf.len() - 1
    });
    leaf[place].methods.add(entry.methods, entry.route);
}

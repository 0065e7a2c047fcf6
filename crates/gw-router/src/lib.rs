//! Host, path and method to a route: pure data, no I/O, no clock.
//!
//! **Order.** Routes are tried in the order in which they were added, and the first whose host, path and method all
//! match is found, as in kratos: there is no "most specific". An index makes the cost independent of routes that
//! differ in their host, method or literal text; [`Router::explain`] tells what each route says, one by one.
//!
//! **Paths** are matched as received, byte for byte: what is matched is what is forwarded.
//!
//! | pattern | matches |
//! |---|---|
//! | `/a/b` | that path only; `/a/b/` is another |
//! | `/a/*` | all that begins with `/a/`, not `/a`; `/a*` also matches `/ab`, `*` everything |
//! | `/u/{id}`, `/v{n}.json` | one or more characters other than `/` for each variable |
//! | `/u/{id:[0-9]+}`, `/f/{rest:.+}` | the regex, as a whole; it crosses `/` where it says so |
//! | `/echo/[a-z]+` | a segment with `[`, `(` or `\` outside braces is a regex for that one segment |
//!
//! A trailing `*` always makes a prefix, after a regex too: `/x/[a-z]*` is every path that begins with `/x/` and a
//! letter. A `*` elsewhere is literal.
//!
//! **Hosts** are compared without regard to case: `example.com`, `{tenant}.example.com` (one label),
//! `{env:dev|test}.example.com`, `*.example.com` (one or more labels), `[::1]`. The port only counts in a template that
//! has one: `example.com:8443`.
//!
//! **Methods**: none means any, HEAD is not implied by GET, and a CORS preflight passes where the method it asks for
//! does. In kratos every OPTIONS request takes the first route of its path, whatever the route's methods.
//!
//! ```
//! use gw_router::{Builder, Lookup, Options, RouteSpec, Target};
//! use http::Method;
//!
//! let mut builder = Builder::new(Options::default());
//! builder.add(
//!     &RouteSpec { path: "/users/{id:[0-9]+}".into(), methods: vec![Method::GET], ..Default::default() },
//!     "one user",
//! )?;
//! builder.add(
//!     &RouteSpec { path: "/users/*".into(), hosts: vec!["*.example.com".into()], ..Default::default() },
//!     "anything else",
//! )?;
//! let router = builder.build();
//!
//! let Lookup::Found { value, vars, .. } = router.lookup(&Target::new("a.example.com", "/users/7", &Method::GET))
//! else {
//!     unreachable!()
//! };
//! assert_eq!((*value, vars[0].1.as_str()), ("one user", "7"));
//!
//! let posted = Target::new("A.Example.com:8080", "/users/7", &Method::POST);
//! assert!(matches!(router.lookup(&posted), Lookup::Found { index: 1, .. }));
//! for step in router.explain(&posted) {
//!     println!("{step}"); // route 0 (/users/{id:[0-9]+}): the method does not match, it takes GET …
//! }
//!
//! let elsewhere = Target::new("other.org", "/users/7", &Method::POST);
//! assert_eq!(router.lookup(&elsewhere), Lookup::MethodNotAllowed { allow: vec![Method::GET] });
//! # Ok::<(), gw_router::PatternError>(())
//! ```

mod authority;
mod builder;
mod direction;
mod equal;
mod error;
mod explain;
mod host;
mod index;
mod inspect;
mod key;
mod methods;
mod part;
mod pattern;
mod router;
mod runs;
mod set;
mod spec;
mod syntax;
mod target;
mod template;
mod trie;

pub use builder::Builder;
pub use error::{Field, PatternError};
pub use explain::{Step, Verdict};
pub use inspect::RouteInfo;
pub use router::Router;
pub use spec::{Options, RouteSpec};
pub use target::{Lookup, Target};

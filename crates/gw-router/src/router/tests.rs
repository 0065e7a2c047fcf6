//! Order, methods, redirects, verdicts, and the number of patterns that a lookup tries.

use http::Method;

use crate::{Builder, Lookup, Options, RouteSpec, Router, Target};

/// `GET,PUT host,host /path`, where `-` stands for none.
fn spec(text: &str) -> RouteSpec {
    let list =
        |text: &str| text.split(',').filter(|item| *item != "-").map(str::to_owned).collect::<Vec<_>>();
    let [methods, hosts, path] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let methods = list(methods).iter().map(|method| method.parse().unwrap()).collect();
    RouteSpec { hosts: list(hosts), path: path.to_owned(), methods }
}

fn router(strict_slash: bool, routes: &[&str]) -> Router<()> {
    let mut builder = Builder::new(Options { strict_slash });
    for route in routes {
        builder.add(&spec(route), ()).unwrap();
    }
    builder.build()
}

/// The outcome in one word: the index, the allowed methods, the path to go to, or `-`.
fn word(lookup: Lookup<'_, ()>) -> String {
    match lookup {
        Lookup::Found { index, .. } => index.to_string(),
        Lookup::Redirect { path } => format!("> {path}"),
        Lookup::MethodNotAllowed { allow } => allow.iter().map(Method::as_str).collect::<Vec<_>>().join(","),
        Lookup::NotFound => "-".to_owned(),
    }
}

/// `GET host/path`
#[track_caller]
fn check(router: &Router<()>, target: &str, expect: &str) {
    let (method, rest) = target.split_once(' ').unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (method, preflight) = match method.split_once('?') {
        Some((method, asked)) => (method, Some(asked)),
        None => (method, None),
    };
    let method: Method = method.parse().unwrap();
    let target = Target { host, path, method: &method, preflight };
    assert_eq!(word(router.lookup(&target)), expect, "{target:?}");
}

#[test]
fn the_first_full_match_wins() {
    let router = router(false, &["- - /a/*", "- - /a/b", "GET - /c", "- x.com /c", "- - /c*", "- - *"]);
    check(&router, "GET /a/b", "0");
    check(&router, "GET x.com/c", "2");
    check(&router, "PUT x.com/c", "3");
    check(&router, "PUT y.com/c", "4");
    check(&router, "GET /other", "5");
    check(&router, "GET ", "5");
}

#[test]
fn hosts_and_no_host_compete_by_order() {
    let router =
        router(false, &["GET *.x.com /a", "- a.x.com /a", "- {l}.x.com:81 /*", "- - /a", "- a.x.com /b"]);
    check(&router, "GET a.x.com/a", "0");
    check(&router, "PUT a.x.com/a", "1");
    check(&router, "PUT b.x.com/a", "3");
    check(&router, "PUT b.x.com:81/a", "2");
    check(&router, "GET /a", "3");
    check(&router, "GET b.x.com/b", "-");
}

#[test]
fn head_and_options_are_not_implied() {
    let router = router(false, &["GET,PUT - /a", "OPTIONS - /b", "- - /c"]);
    check(&router, "HEAD /a", "GET,PUT");
    check(&router, "OPTIONS /a", "GET,PUT");
    check(&router, "OPTIONS /b", "1");
    check(&router, "OPTIONS /c", "2");
    check(&router, "BREW /c", "2");
}

#[test]
fn a_preflight_passes_where_its_method_does() {
    let router = router(false, &["GET - /a", "PUT,BREW - /a", "OPTIONS - /a*"]);
    check(&router, "OPTIONS?GET /a", "0");
    check(&router, "OPTIONS?BREW /a", "1");
    check(&router, "OPTIONS?get /a", "2");
    check(&router, "OPTIONS /a", "2");
    // Only OPTIONS can be a preflight.
    check(&router, "POST?GET /a", "BREW,GET,OPTIONS,PUT");
}

#[test]
fn a_wrong_method_lists_all_of_that_host_and_path() {
    let router =
        router(false, &["PUT,GET - /a", "GET x.com /{v}", "BREW y.com /a", "POST - /*", "DELETE - /b"]);
    check(&router, "HEAD x.com/a", "GET,POST,PUT");
    check(&router, "HEAD y.com/a", "BREW,GET,POST,PUT");
    check(&router, "HEAD /c", "POST");
    check(&router, "HEAD c", "-");
}

#[test]
fn slashes_matter_unless_told() {
    let plain = router(false, &["- - /s", "- - /t/"]);
    check(&plain, "GET /s/", "-");
    check(&plain, "GET /t", "-");
    let strict = router(true, &["GET - /s", "- - /t/", "- - /v/{x}", "- h.com /h", "- - /"]);
    check(&strict, "GET /s", "0");
    check(&strict, "GET /s/", "> /s");
    check(&strict, "GET /t", "> /t/");
    check(&strict, "GET /v/1/", "> /v/1");
    check(&strict, "GET h.com/h/", "> /h");
    check(&strict, "GET i.com/h/", "-");
    check(&strict, "GET /", "4");
    check(&strict, "GET /s//", "-");
    check(&strict, "PUT /s/", "GET");
}

#[test]
fn a_redirect_wins_over_later_prefixes_only() {
    check(&router(true, &["- - /s", "- - /*"]), "GET /s/", "> /s");
    check(&router(true, &["- - /*", "- - /s"]), "GET /s/", "0");
    // kratos redirects here and never reaches the second route.
    check(&router(true, &["- - /s", "- - /s/"]), "GET /s/", "1");
    check(&router(true, &["- - /p/*"]), "GET /p", "-");
}

#[test]
fn no_redirect_leads_to_another_host() {
    let router = router(true, &["- - /{rest:.+}/"]);
    check(&router, "GET /a", "> /a/");
    check(&router, "GET //evil.com", "-");
    check(&router, "GET /\\evil.com", "-");
    check(&router, "GET /\tevil.com", "-");
}

#[test]
fn variables_of_host_and_path_come_in_order() {
    let router = router(false, &["- a.com,{tenant}.b.com /{x}/{y:.+}"]);
    let method = Method::GET;
    let vars = |host| match router.lookup(&Target::new(host, "/1%20/2/3", &method)) {
        Lookup::Found { vars, .. } => vars.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        other => vec![format!("{other:?}")],
    };
    assert_eq!(vars("Acme.b.com:80"), ["tenant=Acme", "x=1%20", "y=2/3"]);
    assert_eq!(vars("a.com"), ["x=1%20", "y=2/3"]);
}

#[test]
fn verdicts_name_the_first_condition_that_fails() {
    let router = router(true, &["- x.com /s", "- - /t", "GET,PUT - /s/", "- - /s", "- - /s/*", "- - *"]);
    let steps = |method: Method, path| {
        let steps = router.explain(&Target::new("y.com", path, &method));
        steps.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        steps(Method::POST, "/s/"),
        [
            "route 0 (/s): the host does not match",
            "route 1 (/t): the path does not match",
            "route 2 (/s/): the method does not match, it takes GET, PUT",
            "route 3 (/s): matches but for the last slash, redirects to /s",
            "route 4 (/s/*): would match, but route 3 wins",
            "route 5 (*): would match, but route 3 wins",
        ]
    );
    assert_eq!(steps(Method::GET, "/s/")[2], "route 2 (/s/): matches");
    assert_eq!(steps(Method::GET, "/s/")[3], "route 3 (/s): would match, but route 2 wins");
}

#[test]
fn inspection_shows_what_was_compiled() {
    let router =
        router(false, &["GET {t}.com /u/{id:[0-9]+}/x.y", "- - /a/*", "PUT - /[a-z]+/{x}*", "- - /a"]);
    let infos = router.inspect();
    let first = &infos[0];
    assert_eq!((first.index, first.path.as_str(), first.prefix), (0, "/u/{id:[0-9]+}/x.y", false));
    assert_eq!(
        (first.hosts.as_slice(), first.methods.as_slice()),
        (&["{t}.com".to_owned()][..], &["GET".to_owned()][..])
    );
    assert_eq!(first.literal_prefix, "/u/");
    assert_eq!(first.regex.as_deref(), Some(r"^/u/(?<id>[0-9]+)/x\.y$"));
    assert_eq!(first.variables, ["t", "id"]);
    assert_eq!(
        (infos[1].prefix, infos[1].regex.as_deref(), infos[1].literal_prefix.as_str()),
        (true, None, "/a/")
    );
    assert_eq!(infos[2].regex.as_deref(), Some("^/(?:[a-z]+)/(?<x>[^/]+)"));
}

/// By whom the last of the routes is hidden.
#[track_caller]
fn shadowed(routes: &[&str], expect: Option<usize>) {
    let infos = router(false, routes).inspect();
    assert_eq!(infos.last().and_then(|info| info.shadowed_by), expect, "{routes:?}");
}

#[test]
fn hidden_routes_are_pointed_out() {
    shadowed(&["- - /a/*", "GET x.com /a/{b}"], Some(0));
    shadowed(&["- - /a/{b}*", "GET - /a/{b}*"], Some(0));
    shadowed(&["GET - /a*", "GET,PUT - /a"], None);
    shadowed(&["GET - /a*", "- - /a"], None);
    shadowed(&["GET,PUT - /a*", "PUT - /a"], Some(0));
    shadowed(&["- x.com /a*", "- - /a"], None);
    shadowed(&["- *.x.com /a*", "- a.x.com,*.b.x.com /a"], Some(0));
    shadowed(&["- *.x.com /a*", "- x.com /a"], None);
    shadowed(&["- x.com /a*", "- x.com:80 /a"], Some(0));
    shadowed(&["- x.com:80 /a*", "- x.com /a"], None);
    shadowed(&["- - /a/*", "- - /a"], None);
}

/// The most patterns that are tried to find any one of 1,000 routes.
fn most_examined(
    route: impl Fn(usize) -> String,
    target: impl Fn(usize) -> (String, String, Method),
) -> usize {
    let routes: Vec<String> = (0..1000).map(route).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let router = router(false, &routes);
    let examined = |number| {
        let (host, path, method) = target(number);
        let search = router.search(&Target::new(&host, &path, &method), &path, usize::MAX, false);
        assert_eq!(search.best, Some(number));
        search.examined
    };
    (0..1000).map(examined).max().unwrap()
}

#[test]
fn the_cost_does_not_grow_with_routes_that_differ() {
    let get = || Method::GET;
    let path = |path: String| (String::new(), path, get());
    assert_eq!(most_examined(|n| format!("- - /r{n}x"), |n| path(format!("/r{n}x"))), 1);
    assert_eq!(most_examined(|n| format!("- - /r{n}/*"), |n| path(format!("/r{n}/y"))), 1);
    assert_eq!(most_examined(|n| format!("- - /r{n}/{{x}}"), |n| path(format!("/r{n}/y"))), 1);
    assert_eq!(most_examined(|n| format!("- - /r{n}/[a-z]+"), |n| path(format!("/r{n}/y"))), 1);
    assert_eq!(most_examined(|n| format!("- - /r{n}/{{x:.+}}"), |n| path(format!("/r{n}/y/z"))), 1);
    assert_eq!(most_examined(|n| format!("- - /{{x}}/r{n}"), |n| path(format!("/y/r{n}"))), 1);
    let host = |host: String| (host, "/".to_owned(), get());
    assert_eq!(most_examined(|n| format!("- h{n}.com /*"), |n| host(format!("h{n}.com"))), 1);
    assert_eq!(most_examined(|n| format!("- *.h{n}.com /*"), |n| host(format!("a.b.h{n}.com"))), 1);
    assert_eq!(most_examined(|n| format!("- {{x}}.h{n}.com /*"), |n| host(format!("a.h{n}.com:80"))), 1);
    assert_eq!(most_examined(|n| format!("- h.com:{} /", n + 1), |n| host(format!("h.com:{}", n + 1))), 1);
    let method = |n: usize| format!("M{n}").parse().unwrap();
    assert_eq!(most_examined(|n| format!("M{n} - /"), |n| (String::new(), "/".to_owned(), method(n))), 1);
}

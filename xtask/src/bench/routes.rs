//! Many routes of all kinds, and a request for each of them.

use std::fmt::Write as _;

/// A route, and what leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The pattern of the path.
    pub(crate) pattern: String,
    /// The only host it takes, if not all.
    pub(crate) only: Option<String>,
    /// The host and the path of a request.
    pub(crate) asked: (String, String),
    /// Seconds.
    pub(crate) timeout: u32,
}

/// What an endpoint has that says nothing of it.
const TIMEOUT: u32 = 15;

/// A route of one path.
pub(crate) fn literal(path: String) -> Route {
    any(path.clone(), path)
}

/// The one route of a gateway that has one.
pub(crate) fn all() -> Route {
    any("/*".to_owned(), "/small".to_owned())
}

fn any(pattern: String, path: String) -> Route {
    Route { pattern, only: None, asked: ("bench.example".to_owned(), path), timeout: TIMEOUT }
}

/// `count` routes: a fifth each of literal paths, prefixes, templates, expressions, and hosts.
pub(crate) fn mixed(count: usize) -> Vec<Route> {
    let one = |number: usize| match number % 5 {
        0 => literal(format!("/literal/{number}/a")),
        1 => any(format!("/prefix/{number}/*"), format!("/prefix/{number}/a/b")),
        2 => any(format!("/template/{number}/{{id}}/a"), format!("/template/{number}/42/a")),
        3 => any(format!("/regex/{number}/{{id:[0-9]+}}"), format!("/regex/{number}/42")),
        _ => {
            let host = format!("h{number}.bench.example");
            let all = all();
            Route { only: Some(host.clone()), asked: (host, all.asked.1), ..all }
        }
    };
    (0..count).map(one).collect()
}

/// A script for wrk that asks for all of them in turn.
pub(crate) fn script(routes: &[Route]) -> String {
    let mut text = "local asked = {\n".to_owned();
    for Route { asked: (host, path), .. } in routes {
        let _ = writeln!(text, "  {{'{host}', '{path}'}},");
    }
    text.push_str(
        "}\nlocal requests, n = {}, 0\nfunction init()\n  for i, one in ipairs(asked) do\n    \
         wrk.headers['Host'] = one[1]\n    requests[i] = wrk.format(nil, one[2])\n  end\nend\n\
         function request()\n  n = n % #requests + 1\n  return requests[n]\nend\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::mixed;

    #[test]
    fn no_two_routes_are_the_same() {
        let routes = mixed(1000);
        let mut keys: Vec<_> = routes.iter().map(|route| (&route.pattern, &route.only)).collect();
        keys.sort();
        keys.dedup();
        assert_eq!((routes.len(), keys.len()), (1000, 1000));
    }
}

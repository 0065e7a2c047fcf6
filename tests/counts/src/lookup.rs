//! A lookup among routes of all kinds, each found in its turn.

use std::hint::black_box;

use gw_router::{Builder, Lookup, Options, RouteSpec, Target};
use http::Method;

use crate::Thing;

/// No divisor of the numbers of routes, so that all of them have their turn, and none its neighbour's.
const STRIDE: usize = 7919;

pub(crate) fn thing(routes: usize) -> Thing {
    let mut builder = Builder::new(Options::default());
    let mut asked = Vec::with_capacity(routes);
    for number in 0..routes {
        let (hosts, path, target) = match number % 5 {
            0 => (vec![], format!("/literal/{number}/a"), format!("/literal/{number}/a")),
            1 => (vec![], format!("/prefix/{number}/*"), format!("/prefix/{number}/a/b")),
            2 => (vec![], format!("/template/{number}/{{id}}/a"), format!("/template/{number}/42/a")),
            3 => (vec![], format!("/regex/{number}/{{id:[0-9]+}}"), format!("/regex/{number}/42")),
            _ => (vec![format!("h{number}.bench.example")], "/*".to_owned(), "/small".to_owned()),
        };
        let host = hosts.first().cloned().unwrap_or_else(|| "bench.example".to_owned());
        asked.push((host, target));
        builder.add(&RouteSpec { hosts, path, methods: vec![] }, number).unwrap();
    }
    let router = builder.build();
    Box::new(move |time| {
        let number = time * STRIDE % routes;
        let (host, path) = &asked[number];
        let found = router.lookup(black_box(&Target::new(host, path, &Method::GET)));
        assert!(matches!(found, Lookup::Found { index, .. } if index == number));
    })
}

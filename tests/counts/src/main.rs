//! What `cargo xtask counts` counts the instructions of: `counts NAME TIMES` does a thing so many times; `counts` names
//! them all, and how often each is to be done. What is needed is prepared before the first time, and no two runs differ.
// It has no tests; those of a file of gw-proxy's, which is a module here, run there.
#![cfg(not(test))]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a tool of the tests, which reads its output"
)]

mod asked;
mod chain;
mod header_pass;
mod lookup;
mod pick;
mod proxy;
mod request;
mod telemetry;

use std::hint::black_box;

/// A thing, prepared: the number says which time it is.
type Thing = Box<dyn FnMut(usize)>;

/// A name, how often it is to be done, and how it is prepared.
type Named = (&'static str, u32, fn() -> Thing);

const THINGS: [Named; 11] = [
    ("lookup-10", 10_000, || lookup::thing(10)),
    ("lookup-10000", 10_000, || lookup::thing(10_000)),
    ("pick", 10_000, pick::thing),
    ("header-pass", 2_000, header_pass::thing),
    ("metrics", 10_000, telemetry::metrics),
    ("access-log", 2_000, telemetry::access_log),
    ("chain", 2_000, chain::thing),
    ("proxy", 1_000, proxy::thing),
    ("request", 500, || request::kept(asked::bytes())),
    ("upload", 500, || request::kept(asked::upload())),
    ("connection", 300, || request::closing(asked::bytes())),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, times] = arguments.as_slice() else {
        return THINGS.iter().for_each(|(name, times, _)| println!("{name} {times}"));
    };
    let (_, _, prepare) = THINGS.iter().find(|(known, ..)| known == name).expect("a name");
    let mut thing = prepare();
    for time in 0..times.parse().expect("a number") {
        thing(black_box(time));
    }
}

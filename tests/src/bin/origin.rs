//! An echoing upstream as a process of its own, which a test can kill: `origin NAME HOST`. Its first line is its address;
//! it ends with its standard input, so that it outlives no test.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a tool of the tests, which reads its output"
)]

use std::io::Read as _;

use gateway_tests::{Origin, Script};

/// The worker serves while this waits.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, host] = arguments.as_slice() else { panic!("usage: origin NAME HOST") };
    let origin = Origin::start_on(host.parse().expect("an address"), name, Script::Echo).await;
    println!("{}", origin.address());
    // Whatever it is, it is the end.
    let _ = std::io::stdin().read(&mut [0]);
}

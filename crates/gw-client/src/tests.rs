//! Clusters against servers on the loopback: hyper's, and raw sockets that follow a script.

mod choice;
mod errors;
mod gauges;
mod guards;
mod h1;
mod h2;
mod harness;
mod held;
mod lent;
mod limits;
mod names;
mod proxied;
mod race;
mod reuse;
mod tls;
mod upgrade;

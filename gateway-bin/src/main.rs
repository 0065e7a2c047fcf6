//! The `gateway` command with the built-in middlewares.

use std::process::ExitCode;

#[cfg(all(feature = "mimalloc", not(feature = "jemalloc")))]
#[global_allocator]
static ALLOCATOR: gw_alloc::Allocator = gw_alloc::Allocator;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    gateway::main(gateway::registry())
}

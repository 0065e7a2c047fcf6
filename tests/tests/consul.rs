//! A real Consul in a container. `cargo xtask it` provides Docker and the image, and runs this.

#[path = "consul/agent.rs"]
mod agent;

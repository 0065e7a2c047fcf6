//! The demo's configuration: one endpoint for each thing that the gateway does, in the native dialect.

use super::DemoUpstreams;

/// The configuration that leads to these upstreams. Listeners are the command's own business.
pub(crate) fn config(upstreams: &DemoUpstreams) -> String {
    let [alpha, beta] = upstreams.http.map(|address| address.to_string());
    TEMPLATE
        .replace("ALPHA", &alpha)
        .replace("BETA", &beta)
        .replace("GRPC", &upstreams.grpc.to_string())
        .replace("WEBSOCKET", &upstreams.websocket.to_string())
}

/// Upper-case words stand for addresses.
const TEMPLATE: &str = include_str!("gateway.toml");

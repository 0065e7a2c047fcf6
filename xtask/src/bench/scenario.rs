//! What is measured, and what of it the proxies have to be configured for.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// GET, 13 bytes, 64 keep-alive connections, 10 header fields as browsers send them.
    Small,
    /// The same with a path, a trace and a cookie of its own in each request.
    Varied,
    /// The same with 10 KiB.
    #[value(name = "10k")]
    #[serde(rename = "10k")]
    Ten,
    /// POST of 4 KiB.
    Post,
    /// 10 KiB in five chunks.
    Chunked,
    /// 1 MiB, 16 connections.
    #[value(name = "1m")]
    #[serde(rename = "1m")]
    Mega,
    /// HTTP/2 by prior knowledge, 8 connections of 8 streams, HTTP/1.1 behind.
    H2c,
    /// Unary gRPC calls, HTTP/2 by prior knowledge on both sides, 8 connections of 8 streams.
    Grpc,
    /// As `small`, over TLS.
    Tls,
    /// A new TLS connection for each request, its session never resumed.
    Handshake,
    /// As `small`, over 1,000 routes of all kinds in turn.
    Routes,
    /// As `routes`, over 10,000.
    #[value(name = "routes-10k")]
    #[serde(rename = "routes-10k")]
    TenRoutes,
    /// A new connection for each request.
    Close,
    /// One connection: what a request costs where nothing is shared.
    One,
    /// A third of nginx's peak, whatever comes back: the latency of a proxy that is not full.
    Rate,
    /// Memory of 9,500 keep-alive connections that served a request each.
    Idle,
    /// The same over TLS.
    IdleTls,
    /// As `small`, with two workers and two cores, which the load has to share.
    Workers,
    /// Reloads of 10,000 endpoints, one after another, under a steady load.
    Reload,
}

impl Scenario {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How many routes there are; none means one that takes everything.
    pub(crate) fn routes(self) -> usize {
        match self {
            Self::Routes => 1_000,
            Self::TenRoutes => 10_000,
            _ => 0,
        }
    }

    /// Whether clients speak TLS.
    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Handshake | Self::IdleTls)
    }

    /// Whether clients speak HTTP/2, to proxies that must be told.
    pub(crate) fn is_h2(self) -> bool {
        matches!(self, Self::H2c | Self::Grpc)
    }

    /// Whether memory is what is measured.
    pub(crate) fn is_memory(self) -> bool {
        matches!(self, Self::Idle | Self::IdleTls)
    }

    /// Whether what is measured is ours alone: with `plain` beside it, or with what it is at rest.
    pub(crate) fn is_own(self) -> bool {
        self.routes() > 0 || matches!(self, Self::Workers | Self::Reload)
    }

    /// Whether the proxy may run on both cores.
    pub(crate) fn is_spread(self) -> bool {
        matches!(self, Self::Workers | Self::Reload)
    }

    /// The path that is asked for, where it is always the same.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Ten => "/10k",
            Self::Mega => "/1m",
            Self::Chunked => "/chunked",
            Self::Grpc => "/bench.Echo/Unary",
            _ => "/small",
        }
    }

    /// What its cost is counted in.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Reload => "ms until live",
            _ if self.is_memory() => "KiB a connection",
            _ => "CPU µs a request",
        }
    }

    /// What is measured, in a sentence.
    pub(crate) fn about(self) -> String {
        let help = self.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
        help.map_or_else(String::new, |help| help + ".")
    }
}

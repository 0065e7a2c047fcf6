//! Where services are looked up, and how far that is believed.

use std::time::Duration;

use gw_value::Spanned;
use serde::{Deserialize, Serialize};

/// Who knows the instances of `discovery:///` targets. Set up when the gateway starts: a reload that changes it takes
/// effect with the next start.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// `consul://host:port`, with `?token=…&datacenter=…`. Default none. The `-discovery.dsn` flag replaces it.
    pub dsn: Spanned<String>,
    /// What is doubted of its answers.
    pub guard: Spanned<Guard>,
}

/// When an answer is doubted that would take a service away, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// How large a share of the known instances may vanish at once and be believed, 0 to 1. Default 0.5. With 1, only
    /// an emptied service is doubted.
    pub max_drop_ratio: f64,
    /// From how many known instances the ratio counts, from 1. Default 4.
    pub min_instances: usize,
    /// How long an instance that vanished in a doubtful way is kept. Up to 1 h, default 5 min; 0 keeps nothing, but
    /// still asks again before it believes.
    #[serde(with = "gw_value::duration")]
    pub hold: Duration,
    /// How long the discovery may take to confirm, 100 ms to 1 min. Default 5 s.
    #[serde(with = "gw_value::duration")]
    pub confirm_timeout: Duration,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            max_drop_ratio: 0.5,
            min_instances: 4,
            hold: Duration::from_secs(300),
            confirm_timeout: Duration::from_secs(5),
        }
    }
}

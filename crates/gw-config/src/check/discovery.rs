//! Discovery: how far it is believed. Its DSN is read by those who know its sources.

use std::time::Duration;

use super::Check;
use crate::codes::BAD_DISCOVERY;
use crate::v1::Guard;

const MAX_HOLD: Duration = Duration::from_secs(3600);
const MIN_CONFIRM: Duration = Duration::from_millis(100);
const MAX_CONFIRM: Duration = Duration::from_secs(60);

impl Check<'_> {
    pub(super) fn discovery(&mut self) {
        let place = &self.gateway.discovery.guard;
        let Guard { max_drop_ratio, min_instances, hold, confirm_timeout } = **place;
        for (key, sound, help) in [
            ("max_drop_ratio", (0.0..=1.0).contains(&max_drop_ratio), "a ratio is 0 to 1"),
            ("min_instances", min_instances > 0, "it is 1 or more"),
            ("hold", hold <= MAX_HOLD, "it is 1h or less; 0s keeps nothing"),
            ("confirm_timeout", (MIN_CONFIRM..=MAX_CONFIRM).contains(&confirm_timeout), "it is 100ms to 1m"),
        ] {
            if !sound {
                self.error(BAD_DISCOVERY, format!("`{key}` is out of range"), place.span(), help);
            }
        }
    }
}

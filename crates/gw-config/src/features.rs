//! Feature gates: what an operator switches off while the gateway runs, without a reload.
//!
//! They are named as in the original. The command line sets them first, the control service later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gw_value::suggest;

/// `gw:Retry`: whether a request is tried again.
const RETRY: &str = "gw:Retry";
/// `gw:PriorityConfig`: whether priority files are read.
const PRIORITY: &str = "gw:PriorityConfig";
/// Every name.
const NAMES: [&str; 2] = [RETRY, PRIORITY];
/// How many settings a list may have.
const MAX_SETTINGS: usize = 64;

/// The gates; all are on at first. Clones are the same gates.
#[derive(Clone, Debug)]
pub struct FeatureGates(Arc<[AtomicBool; NAMES.len()]>);

impl Default for FeatureGates {
    fn default() -> Self {
        Self(Arc::new([const { AtomicBool::new(true) }; NAMES.len()]))
    }
}

impl FeatureGates {
    /// Gates as a command line sets them: `gw:Retry=true,gw:PriorityConfig=false`.
    ///
    /// # Errors
    /// A sentence that names what is wrong: an unknown name, a value that is no truth value, or more than 64 settings.
    pub fn parse(list: &str) -> Result<Self, String> {
        let gates = Self::default();
        let settings = list.split(',').map(str::trim).filter(|setting| !setting.is_empty());
        for (index, setting) in settings.enumerate() {
            if index == MAX_SETTINGS {
                return Err(format!("more than {MAX_SETTINGS} feature gates are set"));
            }
            let Some((name, value)) = setting.split_once('=') else {
                return Err(format!("`{setting}` is no feature gate: write `{RETRY}=false`"));
            };
            let Some(value) = truth(value) else {
                return Err(format!("`{setting}`: write `true` or `false`"));
            };
            if !gates.set(name, value) {
                return Err(match suggest(name, NAMES) {
                    Some(near) => format!("unknown feature gate `{name}`: did you mean `{near}`?"),
                    None => format!("unknown feature gate `{name}`; there are: {}", NAMES.join(", ")),
                });
            }
        }
        Ok(gates)
    }

    /// Opens or closes a gate by name; false if there is none.
    pub fn set(&self, name: &str, open: bool) -> bool {
        let gate = NAMES.iter().zip(self.0.iter()).find(|(known, _)| **known == name);
        gate.is_some_and(|(_, gate)| {
            if gate.swap(open, Relaxed) != open {
                tracing::info!(name, open, "feature gate");
            }
            true
        })
    }

    /// `gw:Retry`: whether a request may be tried again.
    pub fn retry(&self) -> bool {
        let [retry, _] = &*self.0;
        retry.load(Relaxed)
    }

    /// `gw:PriorityConfig`: whether priority files are read.
    pub fn priority_config(&self) -> bool {
        let [_, priority] = &*self.0;
        priority.load(Relaxed)
    }
}

/// What Go's `strconv.ParseBool` takes, in any case.
fn truth(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Some(true),
        "0" | "f" | "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_the_command_line() {
        for (list, retry, priority) in [
            ("", true, true),
            ("gw:Retry=true,gw:PriorityConfig=false", true, false),
            (" gw:Retry=0 , ,gw:PriorityConfig=T,", false, true),
            ("gw:Retry=false,gw:Retry=true", true, true),
        ] {
            let gates = FeatureGates::parse(list).unwrap();
            assert_eq!((gates.retry(), gates.priority_config()), (retry, priority), "{list}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (list, named) in [
            ("gw:Retyr=false", "did you mean `gw:Retry`?"),
            ("AllAlpha=true", "there are: gw:Retry, gw:PriorityConfig"),
            ("gw:Retry", "write `gw:Retry=false`"),
            ("gw:Retry=maybe", "write `true` or `false`"),
            (&"gw:Retry=true,".repeat(65), "more than 64"),
        ] {
            let error = FeatureGates::parse(list).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn clones_are_the_same_gates() {
        let gates = FeatureGates::default();
        let other = gates.clone();
        assert!(other.set("gw:Retry", false));
        assert!(!gates.retry() && gates.priority_config() && !other.retry());
        assert!(!gates.set("gw:Unknown", false));
    }
}

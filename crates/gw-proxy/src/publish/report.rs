//! What a reload changed, for people.

use serde::Serialize;

use super::former::Change;

/// How many endpoints of each kind the log names.
const NAMES: usize = 20;

/// What a reload changed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The number of the published table, from 1.
    pub generation: u64,
    /// Where the document came from.
    pub source: String,
    /// Endpoints that are new, by identity.
    pub added: Vec<String>,
    /// Endpoints that are no longer the same.
    pub changed: Vec<String>,
    /// Endpoints that are gone.
    pub removed: Vec<String>,
    /// How many endpoints stayed as they were, state and all.
    pub kept: usize,
    /// From the decoded document to the last worker.
    pub seconds: f64,
}

impl Report {
    pub(super) fn note(&mut self, change: Change, name: &str) {
        match change {
            Change::Added => self.added.push(name.to_owned()),
            Change::Changed => self.changed.push(name.to_owned()),
            Change::Kept => self.kept += 1,
        }
    }

    /// Says so in the log.
    pub fn log(&self) {
        tracing::info!(
            generation = self.generation,
            added = some(&self.added),
            changed = some(&self.changed),
            removed = some(&self.removed),
            kept = self.kept,
            seconds = self.seconds,
            "reloaded"
        );
    }
}

/// The first of them: a line of the log is no place for 10,000.
fn some(names: &[String]) -> String {
    match names.split_at_checked(NAMES) {
        Some((first, rest @ [_, ..])) => format!("{} and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES, some};

    #[test]
    fn a_line_names_a_few() {
        let names: Vec<_> = (0..NAMES + 2).map(|number| number.to_string()).collect();
        assert_eq!(some(&names[..2]), "0, 1");
        assert!(some(&names[..NAMES]).ends_with(", 19"));
        assert!(some(&names).ends_with(", 19 and 2 more"));
    }
}

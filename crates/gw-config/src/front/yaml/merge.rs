//! Merge keys: `<<: *defaults` takes the keys that the mapping itself does not have. YAML 1.1's, as in the Go gateway.

use std::collections::HashSet;

use gw_value::{Key, Kind, Value};

use super::super::syntax;
use crate::Diagnostic;

/// Adds what the merged mappings have and the mapping has not; the first mapping wins.
pub(super) fn merge(entries: &mut Vec<(Key, Value)>, merges: Vec<Value>) -> Result<(), Diagnostic> {
    if merges.is_empty() {
        return Ok(());
    }
    let mut known: HashSet<String> = entries.iter().map(|(key, _)| key.name.clone()).collect();
    for merged in merges {
        let span = merged.span;
        let tables = match merged.kind {
            Kind::Array(items) => items,
            kind => vec![Value::new(kind, span)],
        };
        for table in tables {
            let Kind::Table(added) = table.kind else {
                return Err(syntax("`<<` takes a mapping or a list of mappings", table.span));
            };
            for (key, value) in added {
                if known.insert(key.name.clone()) {
                    entries.push((key, value));
                }
            }
        }
    }
    Ok(())
}

//! What people read of a problem: code, message, help.

use super::error::Problem;
use crate::{Dialect, fault, suggest};

/// Longer lists of what is expected help nobody.
const LISTED: usize = 12;

impl Problem {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => fault::UNKNOWN_KEY,
            Self::WrongType { .. } => fault::WRONG_TYPE,
            Self::Missing { .. } => fault::MISSING_KEY,
            Self::UnknownName { .. } => fault::UNKNOWN_NAME,
            Self::Duration { .. } => fault::BAD_DURATION,
            Self::Range { .. } => fault::OUT_OF_RANGE,
            Self::Twice { .. } => fault::GIVEN_TWICE,
            Self::Invalid { .. } => fault::INVALID,
        }
    }

    pub(super) fn message(&self) -> String {
        match self {
            Self::UnknownKey { key, .. } => format!("unknown key `{key}`"),
            Self::WrongType { expected, found, .. } => format!("expected {expected}, found {found}"),
            Self::Missing { key } => format!("missing key `{key}`"),
            Self::UnknownName { name, .. } => format!("unknown name `{name}`"),
            Self::Duration { message, .. } | Self::Invalid { message } => message.clone(),
            Self::Range { number, allowed } => format!("{number} is out of range: expected {allowed}"),
            Self::Twice { key, other } if key == other => format!("`{key}` is given twice"),
            Self::Twice { key, other } => format!("`{key}` is `{other}`, which is given as well"),
        }
    }

    pub(super) fn help(&self, dialect: Dialect) -> Option<String> {
        match self {
            Self::UnknownKey { key, expected } => {
                let spelled: Vec<_> = expected.iter().map(|field| dialect.spell(field)).collect();
                choose(key, spelled.iter().map(AsRef::as_ref), "there are no keys here")
            }
            Self::UnknownName { name, expected } => {
                choose(name, expected.iter().copied(), "there are no names to choose from")
            }
            Self::WrongType { help, .. } | Self::Duration { help, .. } => help.clone(),
            Self::Twice { .. } => Some("keep one of the two".to_owned()),
            Self::Missing { .. } | Self::Range { .. } | Self::Invalid { .. } => None,
        }
    }
}

/// The nearest of the names, else all of them.
fn choose<'a>(word: &str, names: impl Iterator<Item = &'a str> + Clone, none: &str) -> Option<String> {
    if let Some(name) = suggest(word, names.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => Some(none.to_owned()),
        [name] => Some(format!("expected {name}")),
        names if names.len() <= LISTED => Some(format!("expected one of {}", names.join(", "))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use crate::Dialect;

    #[track_caller]
    fn check(expected: &'static [&'static str], help: Option<&str>) {
        let problem = Problem::UnknownName { name: "zzz".to_owned(), expected };
        assert_eq!(problem.help(Dialect::Native).as_deref(), help);
    }

    #[test]
    fn what_is_expected() {
        check(&[], Some("there are no names to choose from"));
        check(&["a"], Some("expected `a`"));
        check(&["a", "b"], Some("expected one of `a`, `b`"));
        check(&["zz", "b"], Some("did you mean `zz`?"));
        check(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"], None);
    }
}

//! Requests: cut as they like, and against hyper's server.

use gw_h1::{HeadLimits, Underscores};

use super::message::{any_split, request as read};
use super::peer;

/// No more than hyper takes.
pub(crate) const LIMITS: HeadLimits = HeadLimits { bytes: 4096, target_bytes: 4096, fields: 100 };

/// What is a request to us is the same one to hyper, and however it is cut.
///
/// # Panics
/// When it is not.
pub fn request(input: &[u8]) -> bool {
    let step = 1 + input.len() / 16;
    let ours = any_split(input, step, |pieces| read(pieces, LIMITS, Underscores::Keep));
    let Ok(Some(mut ours)) = ours else { return false };
    // To hyper, a tunnel begins there; the gateway refuses it.
    if ours.line.starts_with("CONNECT ") {
        return false;
    }
    let shown = input.escape_ascii();
    let mut theirs = peer::request(input).unwrap_or_else(|| panic!("hyper refuses {shown}\n{ours:?}"));
    ours.rest.clear();
    ours.fields = one_form(&ours.fields);
    theirs.fields = one_form(&theirs.fields);
    assert_eq!(ours, theirs, "{shown}");
    true
}

/// The fields by name, those of one name in their order; with one length for several that are equal, and no zeros before
/// it.
pub(crate) fn one_form(fields: &str) -> String {
    let mut seen = false;
    let kept = fields.split('\n').filter_map(|field| {
        let Some(length) = field.strip_prefix("content-length: ") else { return Some(field.to_owned()) };
        let length = length.split(',').next().unwrap_or_default().trim().trim_start_matches('0');
        (!std::mem::replace(&mut seen, true)).then(|| format!("content-length: {length}"))
    });
    let mut kept: Vec<_> = kept.collect();
    kept.sort_by(|one, other| one.split(':').next().cmp(&other.split(':').next()));
    kept.join("\n")
}

//! Answers: cut as they like, and against hyper's client.

use http::Method;

use super::message::{any_split, response as read};
use super::peer;
use super::request::{LIMITS, one_form};

/// What is an answer to us, to GET or to HEAD, is the same one to hyper, and however it is cut.
///
/// # Panics
/// When it is not.
pub fn response(input: &[u8]) -> bool {
    let mut taken = false;
    for method in [Method::GET, Method::HEAD] {
        let step = 1 + input.len() / 16;
        let ours = any_split(input, step, |pieces| read(pieces, LIMITS, &method));
        let Ok(Some(mut ours)) = ours else { continue };
        // Interim answers are handed out here, and passed over there.
        if ours.line.starts_with('1') && !ours.line.starts_with("101") {
            continue;
        }
        let shown = input.escape_ascii();
        let theirs = peer::response(input, &method);
        let mut theirs = theirs.unwrap_or_else(|| panic!("hyper refuses {shown}\n{ours:?}"));
        ours.rest.clear();
        ours.reusable = false;
        ours.fields = one_form(&ours.fields);
        theirs.fields = one_form(&theirs.fields);
        // Beside chunks, a length goes.
        let coded = theirs.fields.split('\n').any(|field| field.starts_with("transfer-encoding: "));
        if coded {
            theirs.fields = without("content-length: ", &theirs.fields);
        }
        assert_eq!(ours, theirs, "{method}: {shown}");
        taken = true;
    }
    taken
}

/// The fields that do not begin so.
pub(crate) fn without(start: &str, fields: &str) -> String {
    fields.split('\n').filter(|field| !field.starts_with(start)).collect::<Vec<_>>().join("\n")
}

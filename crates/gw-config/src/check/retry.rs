//! Retries: attempts and conditions.

use gw_value::{Dialect, Spanned};

use super::Check;
use crate::Diagnostic;
use crate::codes::{BAD_ATTEMPTS, BAD_CONDITION, BAD_STATUS, STREAM_RETRY};
use crate::v1::{Condition, Endpoint, MAX_ATTEMPTS, Retry};

impl Check<'_> {
    pub(super) fn retry(&mut self, endpoint: &Endpoint) {
        let Some(retry) = &endpoint.retry else { return };
        if endpoint.stream {
            let message = "a stream is never tried again";
            self.error(STREAM_RETRY, message, retry.span(), "remove `retry`, or `stream`");
        }
        self.attempts(retry);
        for condition in &retry.conditions {
            self.condition(condition);
        }
    }

    fn attempts(&mut self, retry: &Retry) {
        let Some(attempts) = &retry.attempts else { return };
        // 0 is 1 in kratos, which knows no upper bound.
        let found = match (**attempts, self.dialect) {
            (0, Dialect::Go) | (1..=MAX_ATTEMPTS, _) => return,
            (found, _) => found,
        };
        let message = format!("{found} attempts are out of range");
        let help = format!("attempts, the first included, are 1 to {MAX_ATTEMPTS}");
        let diagnostic = Diagnostic::error(BAD_ATTEMPTS, message, attempts.span()).with_help(help);
        self.found.push(match self.dialect {
            Dialect::Native => diagnostic,
            Dialect::Go => diagnostic.into_warning().with_help(format!("{MAX_ATTEMPTS} are made")),
        });
    }

    fn condition(&mut self, condition: &Spanned<Condition>) {
        let sound =
            ["by_status_code", "by_header"].iter().all(|key| self.faulty.is_sound(condition.span(), key));
        let message = match (&condition.by_status_code, &condition.by_header) {
            (Some(_), Some(_)) => "the condition has both `by_status_code` and `by_header`",
            (None, None) if sound => "the condition has neither `by_status_code` nor `by_header`",
            _ => "",
        };
        if !message.is_empty() {
            let help = "give each condition one of the two; any condition that matches is enough";
            self.error(BAD_CONDITION, message, condition.span(), help);
        }
        if let Some(status) = condition.by_status_code.as_ref().filter(|status| !is_status(status)) {
            let message = format!("`{}` is neither a status nor a range of them", **status);
            self.error(BAD_STATUS, message, status.span(), "write `502`, or `500-504`, both ends included");
        }
    }
}

/// `502` or `500-504`, of three digits each, without spaces.
fn is_status(text: &str) -> bool {
    let code = |text: &str| {
        let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten().filter(|code| (100..=599).contains(code))
    };
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    matches!((code(low), code(high)), (Some(low), Some(high)) if low <= high)
}

//! The options of `circuitbreaker`, in the original's words, and what is wrong with them.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use gw_value::{Dialect, Fault, Options, Span, Spanned, Value};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;

use super::action::Action;
use crate::condition::{Condition, ConditionOptions};
use crate::header_edits::{invalid, parse_name};
use crate::success_ratio::SuccessRatio;
use crate::{BuildContext, BuildError};

/// What `ratio` counts in.
const WHOLE: u32 = 10_000;
const MAX_BUCKETS: u32 = 1_000;
const MAX_WINDOW: Duration = Duration::from_secs(3600);

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BreakerOptions {
    success_ratio: Option<Spanned<SuccessRatioOptions>>,
    ratio: Option<Spanned<u32>>,
    response_data: Option<Spanned<ResponseOptions>>,
    backup_service: Option<Spanned<BackupOptions>>,
    /// The original spells it without the second `i`.
    #[serde(alias = "assert_condtions")]
    assert_conditions: Vec<Spanned<ConditionOptions>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SuccessRatioOptions {
    success: Option<Spanned<f64>>,
    request: Option<Spanned<u32>>,
    bucket: Option<Spanned<u32>>,
    #[serde(with = "gw_value::duration::option")]
    window: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ResponseOptions {
    status_code: Option<Spanned<u16>>,
    header: Vec<HeaderLines>,
    /// Text; base64 in the Go dialect, where it is `bytes`.
    body: Option<Spanned<String>>,
    body_base64: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLines {
    key: Spanned<String>,
    #[serde(default)]
    value: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BackupOptions {
    endpoint: Option<Spanned<Value>>,
}

/// When requests are refused.
pub(super) enum Trigger {
    Successes(SuccessRatio),
    /// The share that passes, 0 to 1.
    Ratio(f64),
}

impl BreakerOptions {
    /// What is wrong is added to `faults`.
    pub(super) fn trigger(&self, options: &Options, faults: &mut Vec<Fault>) -> Trigger {
        match (&self.success_ratio, &self.ratio) {
            (Some(_), Some(ratio)) => {
                let message = "a breaker has one trigger: `success_ratio` or `ratio`".to_owned();
                faults.push(invalid(ratio.span(), "ratio", message, None));
                Trigger::Ratio(1.0)
            }
            (None, Some(ratio)) => {
                if **ratio > WHOLE {
                    let message = "`ratio` is the share that passes, 0 to 10000".to_owned();
                    faults.push(invalid(ratio.span(), "ratio", message, None));
                }
                Trigger::Ratio(f64::from(**ratio) / f64::from(WHOLE))
            }
            (Some(ratio), None) => Trigger::Successes(ratio.parse(ratio.span(), options, faults)),
            (None, None) => Trigger::Successes(SuccessRatio::default()),
        }
    }

    /// What is wrong is added to `faults`.
    pub(super) fn conditions(&self, faults: &mut Vec<Fault>) -> Vec<Condition> {
        let mut parse =
            |(index, condition)| Condition::parse(condition, &format!("assert_conditions[{index}]"), faults);
        self.assert_conditions.iter().enumerate().filter_map(&mut parse).collect()
    }

    /// What is wrong is added to `faults`.
    ///
    /// # Errors
    /// When the backup has no client.
    pub(super) fn action(
        &self,
        options: &Options,
        cx: &BuildContext,
        faults: &mut Vec<Fault>,
    ) -> Result<Action, BuildError> {
        match (&self.response_data, &self.backup_service) {
            (Some(_), Some(backup)) => {
                let message = "a breaker has one action: `response_data` or `backup_service`".to_owned();
                faults.push(invalid(backup.span(), "backup_service", message, None));
                Ok(Action::Refuse)
            }
            (Some(response), None) => Ok(response.parse(response.span(), options.dialect(), faults)),
            (None, Some(backup)) => match &backup.endpoint {
                Some(endpoint) => {
                    let endpoint = options.part("backup_service.endpoint", (**endpoint).clone());
                    match cx.client(&endpoint) {
                        Ok(client) => return Ok(Action::Backup(client)),
                        Err(BuildError::Options(found)) => faults.extend(found),
                        Err(error) => return Err(error),
                    }
                    Ok(Action::Refuse)
                }
                None => {
                    let message = "the backup has no `endpoint`".to_owned();
                    faults.push(invalid(backup.span(), "backup_service", message, None));
                    Ok(Action::Refuse)
                }
            },
            (None, None) => Ok(Action::Refuse),
        }
    }
}

impl SuccessRatioOptions {
    fn parse(&self, span: Span, options: &Options, faults: &mut Vec<Fault>) -> SuccessRatio {
        let default = SuccessRatio::default();
        // protobuf cannot tell 0 from unset.
        let unset = |zero: bool| zero && options.dialect() == Dialect::Go;
        let number = |given: &Option<Spanned<u32>>, default: u32| match given {
            Some(number) if !unset(**number == 0) => (**number, number.span()),
            _ => (default, span),
        };
        let (success, success_at) = match &self.success {
            Some(success) if !unset(**success == 0.0) => (**success, success.span()),
            _ => (default.success, span),
        };
        let (request, request_at) = number(&self.request, default.request);
        let (bucket, bucket_at) = number(&self.bucket, default.bucket);
        let window = self.window.filter(|window| !unset(window.is_zero())).unwrap_or(default.window);
        let mut check = |holds: bool, at: Span, key: &str, message: String| {
            if !holds {
                faults.push(invalid(at, &format!("success_ratio.{key}"), message, None));
            }
        };
        check(success > 0.0 && success <= 1.0, success_at, "success", "is above 0 and at most 1".to_owned());
        check(request >= 1, request_at, "request", "is at least 1".to_owned());
        check(
            (1..=MAX_BUCKETS).contains(&bucket),
            bucket_at,
            "bucket",
            format!("there are 1 to {MAX_BUCKETS} buckets"),
        );
        let least = Duration::from_millis(u64::from(bucket));
        let window_at = options.place(&["success_ratio", "window"]);
        let message = format!("`window` is between 1 ms for each bucket and {} s", MAX_WINDOW.as_secs());
        check((least..=MAX_WINDOW).contains(&window), window_at, "window", message);
        SuccessRatio { success, request, bucket, window }
    }
}

impl ResponseOptions {
    fn parse(&self, span: Span, dialect: Dialect, faults: &mut Vec<Fault>) -> Action {
        let code = self.status_code.as_ref().filter(|code| ***code != 0 || dialect == Dialect::Native);
        let status = match code {
            None => Some(StatusCode::SERVICE_UNAVAILABLE),
            Some(code) => StatusCode::from_u16(**code).ok().filter(|_| (200..600).contains(&**code)),
        };
        let status = status.unwrap_or_else(|| {
            let at = code.map_or(span, Spanned::span);
            let message = "a status is between 200 and 599".to_owned();
            faults.push(invalid(at, "response_data.status_code", message, None));
            StatusCode::SERVICE_UNAVAILABLE
        });
        let mut headers = HeaderMap::new();
        for (index, lines) in self.header.iter().enumerate() {
            let path = format!("response_data.header[{index}]");
            lines.parse(&path, &mut headers, faults);
        }
        let body = self.body(span, dialect, faults);
        if !body.is_empty() && [204, 205, 304].contains(&status.as_u16()) {
            let message = format!("an answer with status {} has no body", status.as_u16());
            faults.push(invalid(span, "response_data.body", message, None));
        }
        Action::Respond { status, headers, body }
    }

    fn body(&self, span: Span, dialect: Dialect, faults: &mut Vec<Fault>) -> Bytes {
        let (encoded, path) = match (&self.body, &self.body_base64) {
            (Some(_), Some(_)) => {
                let message = "the body is given twice: as `body` and as `body_base64`".to_owned();
                faults.push(invalid(span, "response_data", message, None));
                return Bytes::new();
            }
            (Some(text), None) if dialect == Dialect::Native => return Bytes::from((**text).clone()),
            (Some(encoded), None) => (encoded, "response_data.body"),
            (None, Some(encoded)) => (encoded, "response_data.body_base64"),
            (None, None) => return Bytes::new(),
        };
        BASE64_STANDARD.decode(encoded.as_bytes()).map(Bytes::from).unwrap_or_else(|_| {
            faults.push(invalid(encoded.span(), path, "is not base64".to_owned(), None));
            Bytes::new()
        })
    }
}

impl HeaderLines {
    fn parse(&self, path: &str, headers: &mut HeaderMap, faults: &mut Vec<Fault>) {
        let Some(name) = parse_name(&self.key, &format!("{path}.key"), faults) else { return };
        for value in &self.value {
            match HeaderValue::from_str(value) {
                Ok(value) => drop(headers.append(name.clone(), value)),
                Err(_) => {
                    let message = "is not a valid header value".to_owned();
                    faults.push(invalid(value.span(), &format!("{path}.value"), message, None));
                }
            }
        }
    }
}

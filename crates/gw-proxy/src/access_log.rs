//! The access log as the configuration wants it.

use std::fs::{File, OpenOptions};

use gw_config::{Diagnostic, v1};
use gw_telemetry::LogFormat;

/// Opened anew each time: the file may have been moved away to be archived.
pub(crate) fn open(log: &v1::AccessLog) -> Result<Option<File>, Diagnostic> {
    let Some(path) = &log.path else { return Ok(None) };
    let opened = OpenOptions::new().append(true).create(true).open(&**path);
    let wrong =
        |error| Diagnostic::error("GW0309", format!("the access log `{}`: {error}", **path), path.span());
    opened.map(Some).map_err(wrong)
}

/// The format's own name.
pub(crate) fn format(format: v1::AccessLogFormat) -> LogFormat {
    match format {
        v1::AccessLogFormat::Json => LogFormat::Json,
        v1::AccessLogFormat::Text => LogFormat::Text,
        v1::AccessLogFormat::Kratos => LogFormat::Kratos,
    }
}

//! `LoggingConfig`: the format and levels of a function's lines.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html>

use std::collections::BTreeMap;

use crate::{
    place::{Fields, Place},
    plan::{Logging, SystemLogLevel},
};

/// Levels of a function's own lines.
const APPLICATION_LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// Reads the whole of it, and reports what is wrong.
pub(super) fn read(fields: &Fields<'_>) -> Logging {
    let Some(place) = fields.optional("LoggingConfig") else { return Logging::default() };
    let Some(fields) = place.fields() else { return Logging::default() };
    let json = match fields.optional("LogFormat").as_ref().map(|place| (place, place.text())) {
        None | Some((_, None | Some("Text"))) => false,
        Some((_, Some("JSON"))) => true,
        Some((place, Some(text))) => {
            place.problem(format!("must be Text or JSON, not `{text}`"));
            false
        }
    };
    let level = |key| {
        let place = fields.optional(key)?;
        if !json {
            place.problem("needs `LogFormat: JSON`");
        }
        Some((place.text()?, place))
    };
    let system_level = match level("SystemLogLevel") {
        None | Some(("INFO", _)) => SystemLogLevel::Info,
        Some(("DEBUG", _)) => SystemLogLevel::Debug,
        Some(("WARN", _)) => SystemLogLevel::Warn,
        Some((text, place)) => {
            place.problem(format!("must be DEBUG, INFO or WARN, not `{text}`"));
            SystemLogLevel::Info
        }
    };
    if let Some((text, place)) = level("ApplicationLogLevel")
        && !APPLICATION_LEVELS.contains(&text)
    {
        place.problem(format!("must be one of {}, not `{text}`", APPLICATION_LEVELS.join(", ")));
    }
    // The name of a log group that AWS makes up is not known here, and does not matter.
    let group = fields.optional("LogGroup").and_then(|place| place.node().as_text());
    fields.finish();
    Logging { json, system_level, group: group.map(str::to_owned) }
}

/// The variables that Lambda sets for JSON logs. What is wrong is reported by [`read`].
pub(super) fn variables(place: &Place<'_>) -> BTreeMap<String, String> {
    let text = |key| place.node().get(key).and_then(|node| node.as_text());
    let level = text("ApplicationLogLevel").unwrap_or("INFO");
    match text("LogFormat") {
        Some("JSON") => BTreeMap::from([
            ("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned()),
            ("AWS_LAMBDA_LOG_LEVEL".to_owned(), level.to_owned()),
        ]),
        _ => BTreeMap::new(),
    }
}

//! What consoles and SDKs are told of functions: read-only, and made up where it means nothing here.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>

use serde_json::{Value, json};

use crate::config::{LogFormat, SystemLogLevel};
use crate::function::{FunctionHandle, FunctionSpec};
use crate::host::Functions;
use crate::invoke_api::answer::Refused;
use crate::invoke_api::target::{LATEST, parameter};

/// A page has at most so many functions.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>
const PAGE_MAX: usize = 50;

/// Nothing here has a date of its own.
const LAST_MODIFIED: &str = "1970-01-01T00:00:00.000+0000";

/// Which part of a list is wanted.
#[derive(Debug)]
pub(super) struct Page {
    /// The last function of the page before.
    after: Option<String>,
    items_max: usize,
}

impl Page {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Refused> {
        let items_max = match parameter(query, "MaxItems") {
            None => PAGE_MAX,
            Some(text) => {
                text.parse().ok().filter(|items| (1..=10_000).contains(items)).ok_or_else(|| {
                    let message = format!("MaxItems must be between 1 and 10000, not {text}");
                    Refused::InvalidParameter { message }
                })?
            }
        };
        Ok(Self { after: parameter(query, "Marker"), items_max: items_max.min(PAGE_MAX) })
    }
}

/// `ListFunctions`.
pub(super) fn list(functions: &Functions, page: &Page) -> Value {
    let names =
        functions.keys().filter(|name| page.after.as_ref().is_none_or(|after| *name > after));
    let names: Vec<_> = names.take(page.items_max + 1).collect();
    let shown = &names[..names.len().min(page.items_max)];
    let next = shown.last().filter(|_| names.len() > shown.len());
    let functions: Vec<_> =
        shown.iter().map(|name| configuration(&functions[name.as_str()].spec)).collect();
    json!({ "Functions": functions, "NextMarker": next })
}

/// `GetFunction`.
pub(super) fn function(function: &FunctionHandle) -> Value {
    let spec = &function.spec;
    let location = format!("file://{}", spec.config.executable.display());
    let mut description = json!({
        "Configuration": configuration(spec),
        "Code": { "RepositoryType": "S3", "Location": location },
    });
    if spec.config.reserved_concurrency.is_some() {
        description["Concurrency"] = concurrency(spec);
    }
    description
}

/// `GetFunctionConcurrency`.
pub(super) fn concurrency(spec: &FunctionSpec) -> Value {
    match spec.config.reserved_concurrency {
        Some(reserved) => json!({ "ReservedConcurrentExecutions": reserved }),
        None => json!({}),
    }
}

/// `GetFunctionConfiguration`.
pub(super) fn configuration(spec: &FunctionSpec) -> Value {
    let config = &spec.config;
    let account = spec.arn.split(':').nth(4).unwrap_or_default();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let size_bytes = std::fs::metadata(&config.executable).map_or(0, |file| file.len());
    let default_group = || format!("/aws/lambda/{}", config.name);
    let mut logging = json!({
        "LogFormat": match config.logging.format {
            LogFormat::Text => "Text",
            LogFormat::Json => "JSON",
        },
        "LogGroup": config.logging.group.clone().unwrap_or_else(default_group),
    });
    if config.logging.format == LogFormat::Json {
        logging["SystemLogLevel"] = match config.logging.system_level {
            SystemLogLevel::Debug => "DEBUG",
            SystemLogLevel::Info => "INFO",
            SystemLogLevel::Warn => "WARN",
        }
        .into();
        let level = config.environment.get("AWS_LAMBDA_LOG_LEVEL");
        logging["ApplicationLogLevel"] = level.map_or("INFO", String::as_str).into();
    }
    json!({
        "FunctionName": config.name,
        "FunctionArn": spec.arn,
        "Runtime": "provided.al2023",
        "Role": format!("arn:aws:iam::{account}:role/local"),
        "Handler": config.handler,
        "CodeSize": size_bytes,
        "CodeSha256": "",
        "Description": "",
        "Timeout": config.timeout.as_secs(),
        "MemorySize": config.memory_mb,
        "LastModified": LAST_MODIFIED,
        "Version": LATEST,
        "Environment": { "Variables": config.environment },
        "TracingConfig": { "Mode": "PassThrough" },
        "RevisionId": "00000000-0000-0000-0000-000000000000",
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [architecture],
        "EphemeralStorage": { "Size": 512 },
        "LoggingConfig": logging,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_as_many_items_as_asked_for_and_50_at_most() {
        let page = |query| Page::parse(Some(query)).unwrap();
        assert_eq!(page("MaxItems=2&Marker=a%20b").items_max, 2);
        assert_eq!(page("MaxItems=2&Marker=a%20b").after.as_deref(), Some("a b"));
        assert_eq!(page("MaxItems=10000").items_max, PAGE_MAX);
        assert_eq!(page("FunctionVersion=ALL").items_max, PAGE_MAX);
        assert!(Page::parse(Some("MaxItems=0")).is_err());
        assert!(Page::parse(Some("MaxItems=x")).is_err());
    }
}

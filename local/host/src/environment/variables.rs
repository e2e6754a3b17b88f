//! The variables a function's process gets: AWS's, the shared ones, its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;

use uuid::Uuid;

use crate::function::FunctionSpec;

/// Variables that a function cannot set for itself; AWS refuses them, here they are ignored with a
/// warning. Credentials are among them, but the shared variables may set those.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const RESERVED: [&str; 19] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

/// What a function gets unless somebody says otherwise. The credentials are not valid anywhere: a
/// mistyped endpoint must not reach a real account. There is no `HOME`, as on AWS, so that the
/// credentials of whoever runs this stay out of reach too.
const DEFAULTS: [(&str, &str); 6] = [
    ("AWS_ACCESS_KEY_ID", "local"),
    ("AWS_SECRET_ACCESS_KEY", "local"),
    ("AWS_SESSION_TOKEN", "local"),
    ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
    ("LANG", "en_US.UTF-8"),
    ("TZ", ":UTC"),
];

/// All variables of a new process whose Runtime API listens at `runtime_api`.
pub(super) fn variables(
    spec: &FunctionSpec,
    runtime_api: SocketAddr,
) -> BTreeMap<String, OsString> {
    let mut variables: BTreeMap<String, OsString> = BTreeMap::new();
    // The search path is the machine's: what a function runs is installed here, not in `/var/task`.
    variables.extend(std::env::var_os("PATH").map(|path| ("PATH".to_owned(), path)));
    variables.extend(DEFAULTS.map(|(name, value)| (name.to_owned(), value.into())));
    variables.extend(spec.shared_environment.iter().map(|(k, v)| (k.clone(), v.into())));
    for (name, value) in &spec.config.environment {
        if RESERVED.contains(&name.as_str()) {
            let function = &spec.config.name;
            tracing::warn!(function, "The variable `{name}` is reserved by Lambda and ignored");
        } else {
            variables.insert(name.clone(), value.into());
        }
    }
    variables.extend(own(spec, runtime_api).map(|(name, value)| (name.to_owned(), value)));
    if spec.config.environment_concurrency > 1 {
        let concurrency = spec.config.environment_concurrency.to_string();
        variables.insert("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), concurrency.into());
    }
    variables
}

/// What Lambda sets and nobody else may.
fn own(spec: &FunctionSpec, runtime_api: SocketAddr) -> [(&'static str, OsString); 12] {
    let config = &spec.config;
    let initialization =
        if config.environment_concurrency > 1 { "lambda-managed-instances" } else { "on-demand" };
    let today = jiff::Timestamp::now().strftime("%Y/%m/%d").to_string();
    let log_group = config.logging.group.clone();
    let log_group = log_group.unwrap_or_else(|| format!("/aws/lambda/{}", config.name));
    let log_stream = format!("{today}/[$LATEST]{}", Uuid::new_v4().simple());
    [
        ("AWS_DEFAULT_REGION", spec.region.clone().into()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", config.memory_mb.to_string().into()),
        ("AWS_LAMBDA_FUNCTION_NAME", config.name.clone().into()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization.into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", log_group.into()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.into()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string().into()),
        ("AWS_REGION", spec.region.clone().into()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".into()),
        ("LAMBDA_TASK_ROOT", config.directory.clone().into()),
        ("_HANDLER", config.handler.clone().into()),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::{EventConfig, FunctionConfig, Logging};

    fn variables_with(shared: &[(&str, &str)], own: &[(&str, &str)]) -> BTreeMap<String, OsString> {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let spec = FunctionSpec {
            config: FunctionConfig {
                name: "f".to_owned(),
                executable: PathBuf::from("bootstrap"),
                arguments: Vec::new(),
                directory: PathBuf::from("/code"),
                handler: "h".to_owned(),
                timeout: Duration::from_secs(3),
                memory_mb: 128,
                environment: owned(own),
                environments_max: 1,
                environment_concurrency: 1,
                reserved_concurrency: None,
                logging: Logging::default(),
                events: EventConfig::default(),
                aliases: Vec::new(),
            },
            arn: String::new(),
            region: "eu-west-1".to_owned(),
            shared_environment: Arc::new(owned(shared)),
        };
        variables(&spec, SocketAddr::from(([127, 0, 0, 1], 9001)))
    }

    #[test]
    fn a_function_overrides_shared_variables_but_not_reserved_ones() {
        let variables = variables_with(
            &[("A", "shared"), ("B", "shared"), ("AWS_ACCESS_KEY_ID", "shared")],
            &[("A", "own"), ("AWS_ACCESS_KEY_ID", "own"), ("_HANDLER", "own"), ("TZ", "own")],
        );
        assert_eq!(variables["A"], "own");
        assert_eq!(variables["B"], "shared");
        assert_eq!(variables["TZ"], "own");
        assert_eq!(variables["AWS_ACCESS_KEY_ID"], "shared");
        assert_eq!(variables["_HANDLER"], "h");
        assert_eq!(variables["AWS_REGION"], "eu-west-1");
        assert_eq!(variables["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:9001");
    }

    #[test]
    fn only_a_concurrent_environment_is_told_its_concurrency() {
        assert!(!variables_with(&[], &[]).contains_key("AWS_LAMBDA_MAX_CONCURRENCY"));
    }
}

//! From the plan to what each part is told. Pure: starts and reads nothing.

mod environments;
mod mapping;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use self::environments::Environments;
pub(crate) use self::mapping::mapping_id;
pub(super) use self::mapping::{Surroundings, mapping};
use super::Addresses;
use crate::build::Program;
use broker::TopicConfig;
use gateway::{ApiConfig, CorsConfig, RouteConfig};
use host::{EventConfig, FunctionConfig, LogFormat, Logging, SystemLogLevel};
use table::TableConfig;
use template::{EventInvoke, Function, HttpApi, Plan};

/// The region of everything local.
pub(crate) const REGION: &str = "us-east-1";
/// The account of everything local.
pub(crate) const ACCOUNT: &str = "000000000000";

/// What only the local cloud knows, by the names that templates use.
pub(crate) fn local_settings(addresses: &Addresses) -> BTreeMap<String, String> {
    let facts = [
        ("region", REGION),
        ("account", ACCOUNT),
        ("gateway.endpoint", &addresses.gateway),
        ("kafka.bootstrap", &addresses.kafka),
        ("kafka.arn", &addresses.cluster_arn),
        ("table.endpoint", &addresses.table),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Variables that a function gets unless the template sets them: where the local AWS is, and
/// credentials that SDKs insist on and nobody checks.
pub(crate) fn shared_environment(addresses: &Addresses) -> BTreeMap<String, String> {
    let variables = [
        ("AWS_ENDPOINT_URL_DYNAMODB", addresses.table.as_str()),
        ("AWS_ENDPOINT_URL_LAMBDA", addresses.lambda.as_str()),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("KAFKA_BOOTSTRAP_SERVERS", addresses.kafka.as_str()),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The host's functions; `programs` has one for each.
pub(crate) fn functions(
    plan: &Plan,
    programs: &BTreeMap<String, Program>,
    environments: Environments,
) -> Vec<FunctionConfig> {
    let pairs = plan
        .functions
        .iter()
        .filter_map(|function| Some((function, programs.get(&function.logical_id)?)));
    pairs.map(|(function, program)| host_function(function, program, environments)).collect()
}

/// How long each function may take, by name.
pub(crate) fn function_timeouts(plan: &Plan) -> impl Iterator<Item = (String, Duration)> {
    plan.functions.iter().map(|function| (function.name.clone(), function.timeout))
}

fn host_function(
    function: &Function,
    program: &Program,
    environments: Environments,
) -> FunctionConfig {
    FunctionConfig {
        name: function.name.clone(),
        executable: program.executable.clone(),
        arguments: Vec::new(),
        directory: program.directory.clone(),
        handler: function.handler.clone(),
        timeout: function.timeout,
        memory_mb: function.memory_mb,
        environment: function.environment.clone(),
        environments_max: environments.of(function),
        environment_concurrency: function.environment_concurrency,
        reserved_concurrency: function.reserved_concurrency,
        logging: logging(&function.logging),
        events: events(&function.events),
        aliases: function.alias.iter().cloned().collect(),
    }
}

fn logging(logging: &template::Logging) -> Logging {
    Logging {
        format: if logging.json { LogFormat::Json } else { LogFormat::Text },
        system_level: match logging.system_level {
            template::SystemLogLevel::Debug => SystemLogLevel::Debug,
            template::SystemLogLevel::Info => SystemLogLevel::Info,
            template::SystemLogLevel::Warn => SystemLogLevel::Warn,
        },
        group: logging.group.clone(),
    }
}

fn events(events: &EventInvoke) -> EventConfig {
    let defaults = EventConfig::default();
    EventConfig {
        retries_max: events.retries_max.unwrap_or(defaults.retries_max),
        age_max: events.age_max.unwrap_or(defaults.age_max),
        on_failure: events.on_failure.clone(),
        on_success: events.on_success.clone(),
    }
}

/// The gateway's APIs.
pub(crate) fn apis(plan: &Plan) -> Vec<ApiConfig> {
    plan.apis.iter().map(api).collect()
}

fn api(api: &HttpApi) -> ApiConfig {
    let cors = api.cors.clone().map(|cors| CorsConfig {
        allow_origins: cors.allow_origins,
        allow_methods: cors.allow_methods,
        allow_headers: cors.allow_headers,
        expose_headers: cors.expose_headers,
        max_age_s: cors.max_age_s,
        allow_credentials: cors.allow_credentials,
    });
    let routes = api.routes.iter().map(|route| RouteConfig {
        method: route.method.clone(),
        path: route.path.clone(),
        function: route.function.clone(),
        timeout: route.timeout,
    });
    ApiConfig {
        logical_id: api.logical_id.clone(),
        stage: api.stage.clone(),
        stage_variables: api.stage_variables.clone(),
        cors,
        routes: routes.collect(),
    }
}

/// The broker's topics.
pub(crate) fn topics(plan: &Plan) -> Vec<TopicConfig> {
    let topics = plan.topics.iter().map(|topic| TopicConfig {
        name: topic.name.clone(),
        partitions: topic.partitions,
        configs: topic.configs.clone(),
    });
    topics.collect()
}

/// The tables of DynamoDB.
pub(crate) fn tables(plan: &Plan) -> Vec<TableConfig> {
    let tables = plan.tables.iter().map(|table| TableConfig {
        create_table_json: table.create_table_json.clone(),
        ttl_attribute: table.ttl_attribute.clone(),
    });
    tables.collect()
}

#[cfg(test)]
mod tests;

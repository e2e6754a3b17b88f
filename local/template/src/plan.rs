//! What a template asks for, typed and validated: the only thing the rest of `local` sees of it.

mod mapping;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use self::mapping::{
    AccessKind, Destination, FailureHandling, Mapping, PartialReading, Pollers, RetryDelay, Source,
    SourceAccess, StartingPosition,
};

/// Everything a template describes, ready to be started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The functions, by logical id in the order of the file.
    pub functions: Vec<Function>,
    /// The HTTP APIs, each with its routes.
    pub apis: Vec<HttpApi>,
    /// The Kafka topics (`AWS::MSK::Topic`).
    pub topics: Vec<Topic>,
    /// The DynamoDB tables.
    pub tables: Vec<Table>,
    /// The Kafka event source mappings.
    pub mappings: Vec<Mapping>,
    /// Resources that have no effect here: alarms, roles, networks.
    pub inert: Vec<Inert>,
    /// Things that are accepted but will surprise on AWS.
    pub warnings: Vec<Warning>,
}

/// A function (`AWS::Serverless::Function`, `AWS::Lambda::Function`).
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// The key under `Resources`.
    pub logical_id: String,
    /// `FunctionName` where given, else the logical id.
    pub name: String,
    /// Where its program comes from.
    pub code: Code,
    /// `Handler`, as given.
    pub handler: String,
    /// How long an invocation may take; 3 s unless given.
    pub timeout: Duration,
    /// Memory in MB; 128 unless given.
    pub memory_mb: u32,
    /// Environment variables, resolved.
    pub environment: BTreeMap<String, String>,
    /// `ReservedConcurrentExecutions`.
    pub reserved_concurrency: Option<u32>,
    /// `LoggingConfig`.
    pub logging: Logging,
    /// `EventInvokeConfig`.
    pub events: EventInvoke,
    /// `AutoPublishAlias`: another name of the function's latest version here.
    pub alias: Option<String>,
    /// `CapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency`: how many invocations one
    /// environment takes at a time; 1 without `CapacityProviderConfig`.
    pub environment_concurrency: u32,
    /// `FunctionScalingConfig.MaxExecutionEnvironments`.
    pub environments_max: Option<u32>,
}

/// How a function's lines are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// Whether `LogFormat` is `JSON`.
    pub json: bool,
    /// `SystemLogLevel`; `INFO` unless given.
    pub system_level: SystemLogLevel,
    /// `LogGroup`, where given.
    pub group: Option<String>,
}

/// Which of Lambda's own lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemLogLevel {
    /// `DEBUG`.
    Debug,
    /// `INFO`.
    #[default]
    Info,
    /// `WARN`.
    Warn,
}

/// What becomes of a function's asynchronous invocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventInvoke {
    /// `MaximumRetryAttempts`, where given; AWS's default is 2.
    pub retries_max: Option<u8>,
    /// `MaximumEventAgeInSeconds`, where given; AWS's default is 6 hours.
    pub age_max: Option<Duration>,
    /// `OnFailure`, where it is a function: its name.
    pub on_failure: Option<String>,
    /// `OnSuccess`, where it is a function: its name.
    pub on_success: Option<String>,
}

/// Where a function's program comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A cargo package: `BuildMethod: rust-cargolambda`.
    Cargo {
        /// The folder of `CodeUri`, absolute.
        directory: PathBuf,
        /// `BuildProperties.Binary`, where given.
        binary: Option<String>,
    },
    /// A folder with a built `bootstrap`, or an executable itself.
    Prebuilt {
        /// The path of `CodeUri`, absolute.
        path: PathBuf,
    },
}

/// An HTTP API (payload format 2.0).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpApi {
    /// The key under `Resources`; `ServerlessHttpApi` for the implicit one.
    pub logical_id: String,
    /// The stage's name; `$default` unless given.
    pub stage: String,
    /// `StageVariables`.
    pub stage_variables: BTreeMap<String, String>,
    /// `CorsConfiguration`.
    pub cors: Option<Cors>,
    /// Its routes in the order of the file.
    pub routes: Vec<Route>,
}

/// What `CorsConfiguration` allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// `AllowOrigins`.
    pub allow_origins: Vec<String>,
    /// `AllowMethods`.
    pub allow_methods: Vec<String>,
    /// `AllowHeaders`.
    pub allow_headers: Vec<String>,
    /// `ExposeHeaders`.
    pub expose_headers: Vec<String>,
    /// `MaxAge`, seconds.
    pub max_age_s: Option<u32>,
    /// `AllowCredentials`.
    pub allow_credentials: bool,
}

/// One route of an HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `None` for any method.
    pub method: Option<String>,
    /// The path with its parameters (`/get_status/{event_id}`), or `$default`.
    pub path: String,
    /// The name of the function that answers.
    pub function: String,
    /// How long the integration may take; 30 s at most, and unless given.
    pub timeout: Duration,
}

/// A Kafka topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The key under `Resources`.
    pub logical_id: String,
    /// `TopicName`.
    pub name: String,
    /// `PartitionCount`.
    pub partitions: i32,
    /// `Configs`, decoded: Kafka's own names (`retention.ms`).
    pub configs: BTreeMap<String, String>,
}

/// A DynamoDB table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The key under `Resources`.
    pub logical_id: String,
    /// `TableName` where given, else the logical id.
    pub name: String,
    /// The body of a `CreateTable` call that makes this table, as JSON text.
    pub create_table_json: String,
    /// The attribute of `TimeToLiveSpecification`, where it is enabled.
    pub ttl_attribute: Option<String>,
}

/// A resource that has no effect here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inert {
    /// The key under `Resources`.
    pub logical_id: String,
    /// `Type`.
    pub resource_type: String,
}

/// Something accepted that will surprise on AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The line in the template, from 1.
    pub line: usize,
    /// What is surprising, one sentence.
    pub message: String,
}

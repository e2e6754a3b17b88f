//! The command line: what may be asked, and its help. Decides nothing.

mod broker;
mod faults;
mod load;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use poller::ResetTo;
use template::SourceAccess;

use crate::access;

pub(crate) use self::broker::Broker;
pub(crate) use self::faults::{Fault, Faults, PollerArgs};
pub(crate) use self::load::{Load, Preset};

/// Runs the SAM template of this folder on this machine: API Gateway, Lambda, Kafka, DynamoDB.
#[derive(Debug, Parser)]
#[command(name = "millrace", bin_name = "cargo local", version, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  cargo local up                      build the functions and start everything
  cargo local up --detach --wait      the same in the background; returns when it is ready
  cargo local status                  what runs, and how far behind each mapping is
  cargo local logs -f register_event  follow one function
  cargo local load --rate 500         post 500 events a second for 10 s
  cargo local down -v                 stop, and delete the data")]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which project a command is about.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// The SAM template [default: template.yaml here or in a folder above]
    #[arg(long, global = true, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Where topics, the table and logs are kept [default: .millrace beside the template]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the functions and start everything
    Up(Box<Up>),
    /// Stop what `up` started
    Down(Down),
    /// Print what the functions wrote
    Logs(Logs),
    /// Print the functions' variables, for a tool that runs them itself
    Env(Env),
    /// Show what runs
    Status(Status),
    /// Show how many records each mapping has yet to process
    Lag(Lag),
    /// Send events and measure
    Load(Box<Load>),
    /// List, pause and resume event source mappings
    #[command(subcommand)]
    Mapping(Mapping),
    /// Break something on purpose, as `load --fault` does
    Fault(Fault),
    /// Let the embedded broker do wrong what is hard to have by chance
    #[command(subcommand)]
    Broker(Broker),
    /// Started by `up` for a mapping whose poller is to be killed
    #[command(hide = true)]
    Poller(PollerArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo local up
  cargo local up --fresh                                  forget what earlier runs left
  cargo local up --gateway-port 0 --kafka-port 0          take free ports (`status` tells them)
  cargo local up --kafka localhost:9092                   a Kafka that runs already
  cargo local-tls up --kafka dev:9096 --secrets secrets.json \\
                 --kafka-access SASL_SCRAM_512_AUTH=AmazonMSK_dev
  cargo local up --functions http://localhost:9000 \\
                 --kafka localhost:9092                   functions in `cargo lambda watch`
  cargo local up --artifacts .aws-sam/build               what `sam build` made
  cargo local up --parameter-overrides Stage=test --env-vars env.json")]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a command line are independent")]
pub(crate) struct Up {
    /// Delete what earlier runs left in the data folder
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Run in the background
    #[arg(long)]
    pub(crate) detach: bool,
    /// Run in the background and return when everything is ready
    #[arg(long)]
    pub(crate) wait: bool,
    /// Use this Kafka instead of the embedded broker
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    pub(crate) kafka: Option<String>,
    /// How to get at that Kafka, in the words of `SourceAccessConfigurations`; or `IAM_AUTH`
    #[arg(long, value_name = "TYPE=SECRET", requires = "kafka", value_parser = access::parse)]
    pub(crate) kafka_access: Vec<SourceAccess>,
    /// Passwords and certificates for Kafka elsewhere: a JSON object from names or ARNs to secrets
    /// in the shapes of Secrets Manager
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
    /// Acknowledge records only when they are on the disk: they survive a power cut too
    #[arg(long, conflicts_with = "kafka")]
    pub(crate) fsync: bool,
    /// Invoke functions there (a Lambda Invoke API) instead of running them
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub(crate) functions: Option<http::Uri>,
    /// Run DIR/<LogicalId>/bootstrap instead of building
    #[arg(long, value_name = "DIR", conflicts_with = "functions")]
    pub(crate) artifacts: Option<PathBuf>,
    /// Build the functions with optimisations
    #[arg(long)]
    pub(crate) release: bool,
    #[command(flatten)]
    pub(crate) ports: Ports,
    /// Values of the template's parameters
    #[arg(long, value_name = "K=V", num_args = 1.., value_parser = parameter)]
    pub(crate) parameter_overrides: Vec<(String, String)>,
    /// Variables of the functions, in the JSON shape of SAM's --env-vars
    #[arg(long, value_name = "FILE")]
    pub(crate) env_vars: Option<PathBuf>,
    /// How many processes of one function may run at a time [default: 10; on Managed Instances the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) environments: Option<u32>,
    /// Throttle when this many invocations of all functions are under way or wait [AWS: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) account_concurrency: Option<u32>,
    /// Refuse a template that would surprise on AWS: its warnings are errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Do not build functions anew when their sources change
    #[arg(long)]
    pub(crate) no_watch: bool,
    /// The cargo that builds the functions; set by `cargo run`
    #[arg(long, env = "CARGO", default_value = "cargo", hide = true)]
    pub(crate) cargo: PathBuf,
    /// Set by `--detach` for the process that it starts
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}

/// The ports on 127.0.0.1; `0` takes a free one.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// The HTTP API; 0 takes a free port, here and below
    #[arg(id = "gateway-port", long = "gateway-port", value_name = "N", default_value_t = 3000)]
    pub(crate) gateway: u16,
    /// Lambda's Invoke API
    #[arg(id = "lambda-port", long = "lambda-port", value_name = "N", default_value_t = 9000)]
    pub(crate) lambda: u16,
    /// The embedded Kafka broker
    #[arg(id = "kafka-port", long = "kafka-port", value_name = "N", default_value_t = 9092)]
    pub(crate) kafka: u16,
    /// DynamoDB
    #[arg(id = "table-port", long = "table-port", value_name = "N", default_value_t = 8000)]
    pub(crate) table: u16,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo local down                    stop, and keep the data
  cargo local down -v                 stop, and delete the data")]
pub(crate) struct Down {
    /// Delete the data folder as well
    #[arg(short = 'v', long)]
    pub(crate) volumes: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo local logs                    every function, in the order of time
  cargo local logs -f process_events  follow one function
  cargo local logs millrace           what `up --detach` wrote itself")]
pub(crate) struct Logs {
    /// Go on with what is written from now
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only this function
    pub(crate) function: Option<String>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo local env > .env              for `cargo lambda watch --env-file .env`
  cargo local env register_event      only what this function needs
  set -a; . ./.env; set +a            the same for a program started from the shell")]
pub(crate) struct Env {
    /// Only this function's; else one file that serves all
    pub(crate) function: Option<String>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo local status
  cargo local status --json | jq -r .gateway")]
pub(crate) struct Status {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo local lag
  cargo local lag --watch             until Ctrl-C")]
pub(crate) struct Lag {
    /// Print one JSON object
    #[arg(long, conflicts_with = "watch")]
    pub(crate) json: bool,
    /// Print again every second, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  cargo local mapping list
  cargo local mapping pause process_events
  cargo local mapping reset process_events --to beginning
  cargo local mapping resume process_events")]
pub(crate) enum Mapping {
    /// List the mappings with their state
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Stop a mapping from invoking; what it had begun is finished
    Pause {
        /// The mapping's id, or its function where that has one mapping
        mapping: String,
    },
    /// Let a paused mapping go on where it stopped
    Resume {
        /// The mapping's id, or its function where that has one mapping
        mapping: String,
    },
    /// Move a paused mapping: it reads from there when it is resumed
    Reset {
        /// The mapping's id, or its function where that has one mapping
        mapping: String,
        /// `beginning`, `end`, `timestamp=2026-11-21T20:00:00Z` or `offset=17`
        #[arg(long, value_name = "PLACE", value_parser = reset_to)]
        to: ResetTo,
    },
}

/// Where a mapping is moved to; the same offset or time for every partition.
fn reset_to(text: &str) -> Result<ResetTo, String> {
    let wrong = || format!("`{text}` is not beginning, end, timestamp=TIME or offset=NUMBER");
    match text.split_once('=') {
        None if text == "beginning" => Ok(ResetTo::Beginning),
        None if text == "end" => Ok(ResetTo::End),
        Some(("timestamp", time)) => {
            let time: Timestamp = time.parse().map_err(|error| format!("`{time}`: {error}"))?;
            Ok(ResetTo::Timestamp { timestamp_ms: time.as_millisecond() })
        }
        Some(("offset", offset)) => {
            let offset = offset.parse().ok().filter(|offset| *offset >= 0);
            offset.map(ResetTo::Offset).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// `K=V`, or SAM's longer `ParameterKey=K,ParameterValue=V`.
fn parameter(text: &str) -> Result<(String, String), String> {
    let long =
        text.strip_prefix("ParameterKey=").and_then(|rest| rest.split_once(",ParameterValue="));
    let (key, value) =
        long.or_else(|| text.split_once('=')).ok_or_else(|| String::from("expected NAME=VALUE"))?;
    if key.is_empty() {
        return Err(String::from("the name before `=` is empty"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

fn host_and_port(text: &str) -> Result<String, String> {
    if text.parse::<SocketAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    match text.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty() && !host.contains(['/', ':']) && port.parse::<u16>().is_ok() =>
        {
            Ok(text.to_owned())
        }
        _ => Err(String::from("expected HOST:PORT, as in localhost:9092")),
    }
}

fn endpoint(text: &str) -> Result<http::Uri, String> {
    let uri: http::Uri = text.parse().map_err(|error| format!("{error}"))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(_)) => Ok(uri),
        _ => Err(String::from("expected a URL that starts with http://")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| String::from("expected a number of seconds above 0"))
}

#[cfg(test)]
mod tests;

//! The part of the command line that sends load.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use load::Rate;

use super::{Faults, endpoint, seconds};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo local load --rate 500 --duration 30               30 s, 500 requests a second
  cargo local load --rate 100..2000 --duration 60         from 100 to 2,000 a second
  cargo local load --requests 10000 --connections 64      as fast as 64 connections can
  cargo local load --preset ten-thousand-a-minute
  cargo local load --rate 500 --html report.html          with charts, also of the lag
  cargo local load --url http://localhost:8080 --scenario mine.toml
  cargo local load --duration 60 --fault kill-environment@5s,stop-broker@10s:3s
  cargo local load --requests 1000 --json

A scenario file has one or more kinds of request:
  [[request]]
  weight = 9
  path = \"/register_event\"
  body = '{\"load_id\":\"${load_id}\",\"amount\":${random 1..500}}'
  [[request]]
  path = \"/health\"
Also: method, headers, ${sequence}, ${sequence % 1000}, ${uuid}.")]
pub(crate) struct Load {
    /// Requests a second, due on a schedule that no slow server can change; A..B goes evenly from
    /// one rate to the other [default: 200, unless --connections is given]
    #[arg(long, value_name = "N", conflicts_with = "connections")]
    pub(crate) rate: Option<Rate>,
    /// Instead of a rate, send as soon as one of N connections has its answer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) connections: Option<u32>,
    /// How many requests to send [default: 1000 with --connections]
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// How long to send, in seconds [default: 10 with --rate]
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// Pace and amount under one name; the flags above go before it
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) preset: Option<Preset>,
    /// What to send: `events`, `orders`, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "events")]
    pub(crate) scenario: String,
    /// Where to send it [default: the gateway of the running `up`]
    #[arg(long, env = "PRODUCER_URL", value_name = "URL", value_parser = endpoint)]
    pub(crate) url: Option<http::Uri>,
    /// How many requests of a rate may be under way; further ones wait, and their wait counts
    #[arg(long, value_name = "N", default_value_t = 200, conflicts_with = "connections", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) in_flight: u32,
    /// How many threads send
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) threads: u32,
    #[command(flatten)]
    pub(crate) faults: Faults,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report with charts: one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Loads that others have used, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// 100 requests on one connection: latency without company
    Hundred,
    /// 1,000 requests on 10 connections
    Thousand,
    /// 10,000 requests on 64 connections
    TenThousand,
    /// One minute at 200 a second: 12,000
    TenThousandAMinute,
    /// 10 s as fast as 64 connections can: the highest rate
    FullSpeed,
}

//! The part of the command line that is about the embedded broker.

use broker::{Fault, FaultRule};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  cargo local broker fault lose-answer --api Produce --topic events --times 1
  cargo local broker fault delay:200ms --api Fetch
  cargo local broker fault answer:NOT_LEADER_OR_FOLLOWER --api Produce --times 3
  cargo local broker fault refuse         no new connections
  cargo local broker faults               what it does wrong, and how often it did
  cargo local broker mend                 nothing any more")]
pub(crate) enum Broker {
    /// Let it do something wrong, from now on
    Fault(BrokerFault),
    /// List what it does wrong
    Faults {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Let it do one thing right again, or everything
    Mend {
        /// The fault, as `fault` and `faults` tell it
        id: Option<u64>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct BrokerFault {
    /// refuse, drop, delay:200ms, answer:ERROR, lose-answer or pause
    pub(crate) fault: Fault,
    /// Only requests of this kind, by Kafka's name: Produce, Fetch, Metadata
    #[arg(long)]
    pub(crate) api: Option<String>,
    /// Only requests that name this topic
    #[arg(long, value_parser = name)]
    pub(crate) topic: Option<String>,
    /// Only requests of this client.id
    #[arg(long, value_name = "CLIENT", value_parser = name)]
    pub(crate) client_id: Option<String>,
    /// Only so many times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
}

impl BrokerFault {
    pub(crate) fn rule(self) -> FaultRule {
        let Self { fault, api, topic, client_id, times } = self;
        FaultRule { fault, api, topic, client_id, times }
    }
}

/// What needs no quoting on its way to the broker.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(String::from("expected letters, digits, `.`, `_` and `-`"))
}

//! From the command line to what is sent, where, how much and how fast.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use load::{Amount, LoadConfig, Pace, Rate, Scenario};

use crate::args::{Load, Preset};
use crate::data_folder::Layout;
use crate::failure::CommandError;
use crate::running;

/// More than the 10,000 requests a minute that people ask for, and no burden for a debug build.
const RATE_DEFAULT: Rate = Rate::constant(200);

/// Long enough to see a rate hold, short enough to wait for.
const DURATION_DEFAULT: Duration = Duration::from_secs(10);

/// What connections send unless told otherwise.
const REQUESTS_DEFAULT: u64 = 1_000;

/// The load that is asked for.
pub(super) async fn config(layout: &Layout, options: &Load) -> Result<LoadConfig, CommandError> {
    let url = if let Some(url) = &options.url {
        url.clone()
    } else {
        let gateway = running::find(layout)?.gateway;
        gateway.parse().map_err(|source| CommandError::Address { address: gateway, source })?
    };
    let pace = pace(options);
    Ok(LoadConfig {
        amount: amount(options, pace),
        pace,
        threads: positive(options.threads),
        started_ms: Timestamp::now().as_millisecond(),
        ..LoadConfig::new(url, scenario(&options.scenario).await?, layout.load())
    })
}

/// A built-in scenario, or the one in a file.
async fn scenario(name: &str) -> Result<Scenario, CommandError> {
    if let Some(scenario) = Scenario::built_in(name) {
        return Ok(scenario);
    }
    let text = tokio::fs::read_to_string(name).await;
    let text = text.map_err(|source| CommandError::NoScenario { name: name.to_owned(), source })?;
    let file = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
    Ok(Scenario::parse(&file, &text)?)
}

fn pace(options: &Load) -> Pace {
    let open = |rate| Pace::Open { rate, in_flight: positive(options.in_flight) };
    let closed = |connections| Pace::Closed { connections: positive(connections) };
    match (options.rate, options.connections, options.preset) {
        (Some(rate), ..) => open(rate),
        (None, Some(connections), _) => closed(connections),
        (None, None, Some(Preset::Hundred)) => closed(1),
        (None, None, Some(Preset::Thousand)) => closed(10),
        (None, None, Some(Preset::TenThousand | Preset::FullSpeed)) => closed(64),
        (None, None, Some(Preset::TenThousandAMinute) | None) => open(RATE_DEFAULT),
    }
}

fn amount(options: &Load, pace: Pace) -> Amount {
    match (options.duration, options.requests, options.preset) {
        (Some(duration), ..) => Amount::Duration(duration),
        (None, Some(requests), _) => Amount::Requests(requests),
        (None, None, Some(Preset::Hundred)) => Amount::Requests(100),
        (None, None, Some(Preset::Thousand)) => Amount::Requests(1_000),
        (None, None, Some(Preset::TenThousand)) => Amount::Requests(10_000),
        (None, None, Some(Preset::TenThousandAMinute)) => Amount::Duration(Duration::from_mins(1)),
        (None, None, Some(Preset::FullSpeed)) => Amount::Duration(DURATION_DEFAULT),
        (None, None, None) => match pace {
            Pace::Open { .. } => Amount::Duration(DURATION_DEFAULT),
            Pace::Closed { .. } => Amount::Requests(REQUESTS_DEFAULT),
        },
    }
}

/// The pace for people.
pub(super) fn in_words(pace: Pace) -> String {
    match pace {
        Pace::Open { rate, in_flight } => format!("{rate}/s, at most {in_flight} under way"),
        Pace::Closed { connections } => {
            format!("{connections} connections, one request after another")
        }
    }
}

fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("the parser takes 1 or more")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Command, CommandLine};

    #[track_caller]
    fn asked(line: &str) -> (String, Amount) {
        let line = format!("millrace load {line}");
        let line = CommandLine::try_parse_from(line.split_whitespace()).unwrap();
        let Command::Load(options) = line.command else { panic!("{line:?}") };
        let pace = pace(&options);
        (in_words(pace), amount(&options, pace))
    }

    #[test]
    fn a_rate_is_the_default_and_connections_take_its_place() {
        let open = |rate: &str| format!("{rate}/s, at most 200 under way");
        let closed = |count: u32| format!("{count} connections, one request after another");
        let (time, requests) = (|s| Amount::Duration(Duration::from_secs(s)), Amount::Requests);
        for (line, expected) in [
            ("", (open("200"), time(10))),
            ("--requests 1000", (open("200"), requests(1_000))),
            ("--rate 100..2000 --duration 60", (open("100..2000"), time(60))),
            ("--requests 10000 --connections 64", (closed(64), requests(10_000))),
            ("--connections 8", (closed(8), requests(1_000))),
            ("--preset thousand", (closed(10), requests(1_000))),
            ("--preset ten-thousand", (closed(64), requests(10_000))),
            ("--preset ten-thousand-a-minute", (open("200"), time(60))),
            ("--preset full-speed", (closed(64), time(10))),
            ("--preset full-speed --connections 256 --duration 3", (closed(256), time(3))),
        ] {
            assert_eq!(asked(line), expected, "{line}");
        }
    }

    #[tokio::test]
    async fn a_scenario_is_a_name_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, "[[request]]\npath = \"/\"\n").unwrap();
        assert_eq!(scenario("events").await.unwrap().name(), "events");
        assert_eq!(scenario(path.to_str().unwrap()).await.unwrap().name(), "mine.toml");
        std::fs::write(&path, "[[request]]\npath = \"x\"\n").unwrap();
        let error = scenario(path.to_str().unwrap()).await.unwrap_err();
        assert_eq!(error.code(), 64);
        assert_eq!(error.to_string(), "mine.toml:2: a path starts with `/` and has no blanks");
        let error = scenario("nothing").await.unwrap_err();
        assert_eq!(error.code(), 64);
        assert_eq!(error.to_string(), "there is no scenario `nothing`, and no such file");
    }
}

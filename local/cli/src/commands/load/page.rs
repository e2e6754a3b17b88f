//! `load --html`: watches the lag of the running stack's mappings while a load runs, and writes the
//! page.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Zoned;
use load::{Lag, LoadConfig, Machine, Mark, Page, Report};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::plan;
use crate::control::client::ControlClient;
use crate::failure::CommandError;

/// How often mappings are asked; each asks Kafka in turn.
const EVERY: Duration = Duration::from_secs(1);

/// What a page tells besides the report.
#[derive(Debug)]
pub(super) struct About {
    scenario: String,
    url: String,
    pace: String,
    started: String,
    lag: Option<Watching>,
}

#[derive(Debug)]
struct Watching {
    stop: DropGuard,
    samples: JoinHandle<Vec<Lag>>,
}

impl About {
    /// Of a load that starts now; `control` tells the lag of the stack that is loaded.
    pub(super) fn start(config: &LoadConfig, control: Option<ControlClient>) -> Self {
        Self {
            scenario: config.scenario.name().to_owned(),
            url: config.url.to_string(),
            pace: plan::in_words(config.pace),
            started: Zoned::now().strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
            lag: control.map(|control| {
                let stop = CancellationToken::new();
                let samples = TaskTracker::new().spawn(watch(control, stop.clone()));
                Watching { stop: stop.drop_guard(), samples }
            }),
        }
    }

    /// Writes the page of `report` to `path`.
    pub(super) async fn write(
        self,
        path: &Path,
        report: &Report,
        marks: &[Mark],
    ) -> Result<(), CommandError> {
        let lag = match self.lag {
            Some(Watching { stop, samples }) => {
                drop(stop);
                samples.await.expect("asking does not panic")
            }
            None => Vec::new(),
        };
        let page = Page {
            report,
            scenario: &self.scenario,
            url: &self.url,
            pace: &self.pace,
            started: &self.started,
            command: &command(std::env::args().skip(1)),
            machine: &Machine::this(),
            marks,
            lag: &lag,
        };
        let written = tokio::fs::write(path, page.html()).await;
        written.map_err(|source| CommandError::Page { path: path.to_owned(), source })
    }
}

/// Asks for the lag of all mappings until it is told to stop. A stack that does not answer for a
/// while has a hole there.
async fn watch(control: ControlClient, stop: CancellationToken) -> Vec<Lag> {
    let mut lag: BTreeMap<String, Lag> = BTreeMap::new();
    let start = Instant::now();
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let ask = async {
        loop {
            tick.tick().await;
            let second = (start.elapsed() + EVERY / 2).as_secs();
            for mapping in control.mappings().await.map(|told| told.mappings).unwrap_or_default() {
                let name = format!("{} → {}", mapping.topic, mapping.function);
                let known = lag.entry(mapping.id);
                let known = known.or_insert_with(|| Lag { mapping: name, samples: Vec::new() });
                known.samples.push((second, mapping.lag));
            }
        }
    };
    stop.run_until_cancelled(ask).await;
    lag.into_values().collect()
}

/// The command as it could be typed again.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=,@%+".contains(char);
    let quoted = arguments.map(|argument| {
        if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    ["cargo", "local"].into_iter().map(str::to_owned).chain(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_typed_again() {
        let arguments = ["load", "--rate", "1..5", "--html", "a b's.html", ""];
        let typed = command(arguments.into_iter().map(str::to_owned));
        assert_eq!(typed, r"cargo local load --rate 1..5 --html 'a b'\''s.html' ''");
    }
}

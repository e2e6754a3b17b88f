//! Carries faults out: asks the running `up`, or runs the commands that stop and start a Kafka of
//! the person's own.

use std::io;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::spec::{Fault, Short};
use crate::control::client::{ControlClient, ControlError};
use crate::exit::Exit;
use crate::run_file::RunFile;
use crate::running::RunningError;

/// How long a command that stops or starts Kafka may take: longer than any Kafka does.
const SCRIPT_MAX: Duration = Duration::from_mins(2);

/// Why a fault cannot be, or was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CarryError {
    #[error("faults need the stack that `cargo local up` runs here; the load goes to `{url}`")]
    Elsewhere { url: String },
    #[error(transparent)]
    Running(#[from] RunningError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("there is no function to kill an environment of: functions run elsewhere")]
    NoFunctions,
    #[error("there is no function `{wanted}`; there are {known}")]
    NoFunction { wanted: String, known: String },
    #[error("there is no mapping to kill a poller of")]
    NoMappings,
    #[error("no mapping invokes `{wanted}`; there are those of {known}")]
    NoMapping { wanted: String, known: String },
    #[error(
        "this stack uses a Kafka that runs elsewhere: say how to stop and start it with \
         --kafka-stop COMMAND --kafka-start COMMAND"
    )]
    KafkaElsewhere,
    #[error("no function has an environment now")]
    NobodyToKill,
    #[error("failed to run `{command}`")]
    NotRun {
        command: String,
        #[source]
        source: io::Error,
    },
    #[error("`{command}` failed: {status}")]
    Script { command: String, status: std::process::ExitStatus },
    #[error("`{command}` did not end within {} s", SCRIPT_MAX.as_secs())]
    ScriptHangs { command: String },
    #[error("{failed} of {all} faults were not carried out")]
    Undone { failed: usize, all: usize },
    #[error("there is no mapping whose topic poison could be written to")]
    NoTopics,
    #[error("failed to write poison")]
    Poison(#[source] io::Error),
    #[error("failed to make a producer of poison")]
    Producer(#[source] rdkafka::error::KafkaError),
}

impl CarryError {
    /// The exit code that fits.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Running(error) => error.exit(),
            Self::Elsewhere { .. }
            | Self::NoFunctions
            | Self::NoFunction { .. }
            | Self::NoMappings
            | Self::NoMapping { .. }
            | Self::NoTopics
            | Self::KafkaElsewhere => Exit::Usage,
            Self::Control(_) | Self::NobodyToKill => Exit::Unavailable,
            Self::NotRun { .. }
            | Self::Script { .. }
            | Self::ScriptHangs { .. }
            | Self::Undone { .. }
            | Self::Poison(_)
            | Self::Producer(_) => Exit::Failed,
        }
    }
}

/// How to stop and start a Kafka that is not the stack's own: commands for the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scripts {
    pub(crate) stop: String,
    pub(crate) start: String,
}

/// A stack in which faults are carried out.
#[derive(Debug)]
pub(crate) struct Carrier {
    control: ControlClient,
    functions: Vec<String>,
    mappings: Vec<Mapping>,
    kafka: Stoppable,
    turns: Turns,
    under_way: UnderWay,
}

/// Whose turn is next where a fault names nobody.
#[derive(Debug, Default)]
struct Turns {
    functions: AtomicUsize,
    mappings: AtomicUsize,
}

/// How many of the faults that last are not over: only the last one's end is the end.
#[derive(Debug, Default)]
struct UnderWay {
    stops: AtomicUsize,
    slowdowns: AtomicUsize,
}

#[derive(Debug)]
struct Mapping {
    id: String,
    function: String,
    topic: String,
}

/// How Kafka can be stopped.
#[derive(Debug)]
enum Stoppable {
    Embedded,
    By(Scripts),
    No,
}

impl Carrier {
    /// Looks at what runs there.
    pub(crate) async fn find(run: &RunFile, scripts: Option<Scripts>) -> Result<Self, CarryError> {
        let control = run.control();
        let status = control.status().await?;
        let kafka = match scripts {
            _ if status.kafka_embedded => Stoppable::Embedded,
            Some(scripts) => Stoppable::By(scripts),
            None => Stoppable::No,
        };
        let mappings = status.mappings.into_iter().map(|mapping| Mapping {
            id: mapping.id,
            function: mapping.function,
            topic: mapping.topic,
        });
        let functions = status.functions.into_iter().map(|function| function.name).collect();
        let (turns, under_way) = (Turns::default(), UnderWay::default());
        Ok(Self { control, functions, mappings: mappings.collect(), kafka, turns, under_way })
    }

    /// Which kinds of fault it can carry out.
    pub(crate) fn kinds(&self) -> super::Kinds {
        super::Kinds {
            environments: !self.functions.is_empty(),
            pollers: !self.mappings.is_empty(),
            broker: !matches!(self.kafka, Stoppable::No),
        }
    }

    /// The topics that mappings read.
    pub(crate) fn topics(&self) -> Vec<String> {
        self.mappings.iter().map(|mapping| mapping.topic.clone()).collect()
    }

    /// Refuses what can never be carried out here.
    pub(crate) fn check(&self, fault: &Fault) -> Result<(), CarryError> {
        match fault {
            Fault::KillEnvironment { .. } if self.functions.is_empty() => {
                Err(CarryError::NoFunctions)
            }
            Fault::KillEnvironment { function: Some(wanted) }
                if !self.functions.contains(wanted) =>
            {
                let (wanted, known) = (wanted.clone(), self.functions.join(", "));
                Err(CarryError::NoFunction { wanted, known })
            }
            Fault::KillPoller { function } => self.mapping(function.as_deref()).map(drop),
            Fault::StopBroker { .. } if matches!(self.kafka, Stoppable::No) => {
                Err(CarryError::KafkaElsewhere)
            }
            Fault::KillEnvironment { .. } | Fault::StopBroker { .. } | Fault::SlowTable { .. } => {
                Ok(())
            }
        }
    }

    /// Gives every poller a process of its own, so that a kill finds it at work.
    pub(crate) async fn move_pollers(&self) -> Result<(), CarryError> {
        for mapping in &self.mappings {
            self.control.move_apart(&mapping.id).await?;
        }
        Ok(())
    }

    /// Carries a fault out; where it names nobody, all have their turn. Tells what was done.
    pub(crate) async fn begin(&self, fault: &Fault) -> Result<String, CarryError> {
        match fault {
            Fault::KillEnvironment { function } => self.kill_environment(function.as_deref()).await,
            Fault::KillPoller { function } => {
                let mapping = self.mapping(function.as_deref())?;
                self.turns.mappings.fetch_add(1, Relaxed);
                let pid = self.control.kill_poller(&mapping.id).await?;
                Ok(format!("killed the poller of {}, process {pid}", mapping.function))
            }
            Fault::StopBroker { down } => {
                match &self.kafka {
                    Stoppable::Embedded => self.control.stop_kafka(*down).await?,
                    Stoppable::By(scripts) => self.stop_by(scripts).await?,
                    Stoppable::No => return Err(CarryError::KafkaElsewhere),
                }
                self.under_way.stops.fetch_add(1, Relaxed);
                Ok(format!("stopped Kafka for {}", Short(*down)))
            }
            Fault::SlowTable { delay, lasting } => {
                self.control.slow_table(*delay, *lasting).await?;
                self.under_way.slowdowns.fetch_add(1, Relaxed);
                let (delay, lasting) = (Short(*delay), Short(*lasting));
                Ok(format!("the table takes {delay} longer, for {lasting}"))
            }
        }
    }

    /// Ends a fault that was begun and lasts, when its time has come or before. Nothing is done
    /// while another one of its kind goes on.
    pub(crate) async fn end(&self, fault: &Fault) -> Result<Option<String>, CarryError> {
        let under_way = match fault {
            Fault::KillEnvironment { .. } | Fault::KillPoller { .. } => return Ok(None),
            Fault::StopBroker { .. } => &self.under_way.stops,
            Fault::SlowTable { .. } => &self.under_way.slowdowns,
        };
        if under_way.fetch_sub(1, Relaxed) > 1 {
            return Ok(None);
        }
        match (fault, &self.kafka) {
            (Fault::StopBroker { .. }, Stoppable::By(scripts)) => {
                run(&scripts.start).await?;
                Ok(Some("started Kafka".to_owned()))
            }
            (Fault::StopBroker { .. }, _) => {
                self.control.start_kafka().await?;
                Ok(Some("Kafka is back".to_owned()))
            }
            (Fault::SlowTable { .. }, _) => {
                self.control.slow_table(Duration::ZERO, Duration::ZERO).await?;
                Ok(Some("the table is as fast as before".to_owned()))
            }
            (Fault::KillEnvironment { .. } | Fault::KillPoller { .. }, _) => Ok(None),
        }
    }

    /// Runs the command that stops Kafka. One that fails may have stopped it all the same.
    async fn stop_by(&self, scripts: &Scripts) -> Result<(), CarryError> {
        let stopped = run(&scripts.stop).await;
        if stopped.is_err() && self.under_way.stops.load(Relaxed) == 0 {
            // Where it never stopped, this may fail: what matters is why the stop did.
            run(&scripts.start).await.ok();
        }
        stopped
    }

    /// Kills an environment of the function named, or of the next one that has one.
    async fn kill_environment(&self, function: Option<&str>) -> Result<String, CarryError> {
        let (count, first) = (self.functions.len(), self.turns.functions.load(Relaxed));
        let in_turn = (first..first + count).map(|turn| (turn, &*self.functions[turn % count]));
        let candidates: Vec<_> =
            function.map_or_else(|| in_turn.collect(), |name| vec![(first, name)]);
        for (turn, function) in candidates {
            match self.control.kill_environment(function).await {
                Ok(pid) => {
                    self.turns.functions.store(turn + 1, Relaxed);
                    return Ok(format!("killed an environment of {function}, process {pid}"));
                }
                Err(ControlError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CarryError::NobodyToKill)
    }

    fn mapping(&self, function: Option<&str>) -> Result<&Mapping, CarryError> {
        let Some(wanted) = function else {
            let turn = self.turns.mappings.load(Relaxed) % self.mappings.len().max(1);
            return self.mappings.get(turn).ok_or(CarryError::NoMappings);
        };
        self.mappings.iter().find(|mapping| mapping.function == wanted).ok_or_else(|| {
            let known: Vec<_> = self.mappings.iter().map(|m| m.function.as_str()).collect();
            CarryError::NoMapping { wanted: wanted.to_owned(), known: known.join(", ") }
        })
    }
}

async fn run(command: &str) -> Result<(), CarryError> {
    let not_run = |source| CarryError::NotRun { command: command.to_owned(), source };
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null());
    // Ctrl-C is for the load, which then starts Kafka again; neither may die of it.
    shell.process_group(0).kill_on_drop(true);
    let hangs = |_elapsed| CarryError::ScriptHangs { command: command.to_owned() };
    let status = timeout(SCRIPT_MAX, shell.status()).await.map_err(hangs)?.map_err(not_run)?;
    if status.success() {
        return Ok(());
    }
    Err(CarryError::Script { command: command.to_owned(), status })
}

#[cfg(test)]
pub(super) mod tests;

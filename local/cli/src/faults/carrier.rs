//! Carries faults out: asks the running `up`, or runs the commands that stop and start a Kafka of
//! the person's own.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::spec::{Fault, Short};
use crate::control::client::{ControlClient, ControlError};
use crate::exit::Exit;
use crate::run_file::RunFile;
use crate::running::RunningError;

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
            | Self::KafkaElsewhere => Exit::Usage,
            Self::Control(_) | Self::NobodyToKill => Exit::Unavailable,
            Self::NotRun { .. } | Self::Script { .. } | Self::Poison(_) | Self::Producer(_) => {
                Exit::Failed
            }
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
        let kafka = match (control.start_kafka().await, scripts) {
            (Ok(()), _) => Stoppable::Embedded,
            (Err(ControlError::Refused { .. }), Some(scripts)) => Stoppable::By(scripts),
            (Err(ControlError::Refused { .. }), None) => Stoppable::No,
            (Err(error), _) => return Err(error.into()),
        };
        let mappings = status.mappings.into_iter().map(|mapping| Mapping {
            id: mapping.id,
            function: mapping.function,
            topic: mapping.topic,
        });
        let functions = status.functions.into_iter().map(|function| function.name).collect();
        Ok(Self { control, functions, mappings: mappings.collect(), kafka })
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
            Fault::KillPoller { function } => self.mapping(function.as_deref(), 0).map(drop),
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

    /// Carries a fault out; `turn` chooses where it names nobody. Tells what was done.
    pub(crate) async fn begin(&self, fault: &Fault, turn: usize) -> Result<String, CarryError> {
        match fault {
            Fault::KillEnvironment { function } => {
                self.kill_environment(function.as_deref(), turn).await
            }
            Fault::KillPoller { function } => {
                let mapping = self.mapping(function.as_deref(), turn)?;
                let pid = self.control.kill_poller(&mapping.id).await?;
                Ok(format!("killed the poller of {}, process {pid}", mapping.function))
            }
            Fault::StopBroker { down } => {
                match &self.kafka {
                    Stoppable::Embedded => self.control.stop_kafka(*down).await?,
                    Stoppable::By(scripts) => run(&scripts.stop).await?,
                    Stoppable::No => return Err(CarryError::KafkaElsewhere),
                }
                Ok(format!("stopped Kafka for {}", Short(*down)))
            }
            Fault::SlowTable { delay, lasting } => {
                self.control.slow_table(*delay, *lasting).await?;
                let (delay, lasting) = (Short(*delay), Short(*lasting));
                Ok(format!("the table takes {delay} longer, for {lasting}"))
            }
        }
    }

    /// Ends a fault that lasts, when its time has come or before.
    pub(crate) async fn end(&self, fault: &Fault) -> Result<Option<String>, CarryError> {
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

    /// Kills an environment of the function named, or of the first one from `turn` on that has one.
    async fn kill_environment(
        &self,
        function: Option<&str>,
        turn: usize,
    ) -> Result<String, CarryError> {
        let in_turn = self.functions.iter().map(String::as_str).cycle();
        let in_turn = in_turn.skip(turn % self.functions.len().max(1)).take(self.functions.len());
        let candidates: Vec<_> = function.map_or_else(|| in_turn.collect(), |name| vec![name]);
        for function in candidates {
            match self.control.kill_environment(function).await {
                Ok(pid) => {
                    return Ok(format!("killed an environment of {function}, process {pid}"));
                }
                Err(ControlError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CarryError::NobodyToKill)
    }

    fn mapping(&self, function: Option<&str>, turn: usize) -> Result<&Mapping, CarryError> {
        let Some(wanted) = function else {
            let mappings = self.mappings.len();
            return self.mappings.get(turn % mappings.max(1)).ok_or(CarryError::NoMappings);
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
    let status = shell.status().await.map_err(not_run)?;
    if status.success() {
        return Ok(());
    }
    Err(CarryError::Script { command: command.to_owned(), status })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carrier(functions: &[&str], kafka: Stoppable) -> Carrier {
        let mapping = Mapping {
            id: "m".to_owned(),
            function: "process_events".to_owned(),
            topic: "events".to_owned(),
        };
        Carrier {
            control: ControlClient::new("http://127.0.0.1:9".to_owned()),
            functions: functions.iter().map(|&name| name.to_owned()).collect(),
            mappings: vec![mapping],
            kafka,
        }
    }

    #[track_caller]
    fn refuses(carrier: &Carrier, fault: &str, said: &str) {
        let error = carrier.check(&Fault::at_once(fault).unwrap()).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains(said), "{error}");
    }

    #[test]
    fn faults_that_cannot_be_are_refused_by_name() {
        let here = carrier(&["register_event"], Stoppable::Embedded);
        refuses(&here, "kill-environment:place_order", "`place_order`; there are register_event");
        refuses(&here, "kill-poller:place_order", "no mapping invokes `place_order`");
        for fault in ["kill-environment", "kill-poller", "stop-broker", "slow-table:1s"] {
            here.check(&Fault::at_once(fault).unwrap()).unwrap();
        }
        let elsewhere = carrier(&[], Stoppable::No);
        refuses(&elsewhere, "kill-environment", "functions run elsewhere");
        refuses(&elsewhere, "stop-broker", "--kafka-stop COMMAND --kafka-start COMMAND");
        let kinds = elsewhere.kinds();
        assert!(!kinds.environments && kinds.pollers && !kinds.broker);
    }

    #[tokio::test]
    async fn a_kafka_of_ones_own_is_stopped_and_started_by_the_commands_given() {
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str| format!("touch '{}'", folder.path().join(name).display());
        let scripts = Scripts { stop: script("stopped"), start: script("started") };
        let carrier = carrier(&[], Stoppable::By(scripts));
        let fault = Fault::StopBroker { down: Duration::from_secs(3) };
        assert_eq!(carrier.begin(&fault, 0).await.unwrap(), "stopped Kafka for 3s");
        assert!(folder.path().join("stopped").exists());
        assert!(!folder.path().join("started").exists());
        assert_eq!(carrier.end(&fault).await.unwrap().as_deref(), Some("started Kafka"));
        assert!(folder.path().join("started").exists());
        let broken = Scripts { stop: "exit 7".to_owned(), start: String::new() };
        let carrier = Carrier { kafka: Stoppable::By(broken), ..carrier };
        let error = carrier.begin(&fault, 0).await.unwrap_err().to_string();
        assert!(error.contains("`exit 7` failed") && error.contains('7'), "{error}");
    }
}

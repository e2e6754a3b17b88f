//! Finds the `up` that a command is about, and what it runs. Starts and stops nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use poller::MappingConfig;
use template::Plan;

use crate::access::{self, AccessError, KafkaClient, Keys};
use crate::args::Place;
use crate::control::client::{ControlClient, ControlError};
use crate::data_folder::{self, DataFolderError, Layout};
use crate::exit::Exit;
use crate::locate::{self, LocateError};
use crate::run_file::{RunFile, RunFileError};
use crate::stack::{self, UpError};
use crate::status::Mappings;

/// Why a running `up` cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum RunningError {
    /// It is not known which project is meant.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The data folder cannot be read.
    #[error(transparent)]
    Data(#[from] DataFolderError),
    /// The run file cannot be read.
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    /// No process owns the data folder.
    #[error("nothing runs on `{data}`")]
    Nothing {
        /// The data folder.
        data: PathBuf,
    },
    /// A process owns it, and does not answer yet or any more.
    #[error("process {pid} is starting or stopping on `{data}`")]
    NotReady {
        /// The data folder.
        data: PathBuf,
        /// Its owner.
        pid: u32,
    },
    /// The control endpoint did not do what was asked.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Its Kafka cannot be got at any more.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// What it runs cannot be read any more.
    #[error(transparent)]
    Plan(#[from] Box<UpError>),
}

impl RunningError {
    /// The exit code that fits.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Locate(_) | Self::Data(DataFolderError::Foreign { .. }) => Exit::Configuration,
            Self::Plan(error) => error.exit(),
            Self::Access(error) => error.exit(),
            Self::Nothing { .. }
            | Self::NotReady { .. }
            | Self::Data(DataFolderError::InUse { .. })
            | Self::Control(ControlError::Unreachable { .. } | ControlError::TimedOut { .. }) => {
                Exit::Unavailable
            }
            Self::Data(DataFolderError::Inaccessible { .. })
            | Self::RunFile(_)
            | Self::Control(ControlError::Refused { .. } | ControlError::Malformed { .. }) => {
                Exit::Failed
            }
        }
    }

    /// What the person can do about it, in one line.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Locate(error) => return error.hint(),
            Self::Plan(error) => return error.hint(),
            Self::Access(error) => return error.hint().map(str::to_owned),
            Self::Nothing { .. } => {
                "start it with `cargo local up`, or name its folder with --data"
            }
            Self::NotReady { .. } => "`cargo local up --detach --wait` returns when it is ready",
            Self::Data(error) => error.hint(),
            Self::RunFile(_) | Self::Control(_) => return None,
        };
        Some(hint.to_owned())
    }
}

impl Place {
    /// The data folder that is meant.
    pub fn data_folder(&self) -> Result<PathBuf, RunningError> {
        Ok(locate::data(self)?.root().to_owned())
    }
}

/// The running `up` that a command is about.
pub fn running(place: &Place) -> Result<RunFile, RunningError> {
    find(&locate::data(place)?)
}

/// The running `up` of a data folder.
pub(crate) fn find(layout: &Layout) -> Result<RunFile, RunningError> {
    let data = layout.root().to_owned();
    // Whoever was killed leaves its run file behind, but not its lock.
    let Some(pid) = data_folder::owner(layout)? else {
        return Err(RunningError::Nothing { data });
    };
    RunFile::read(layout.root())?
        .filter(|file| file.pid == pid)
        .ok_or(RunningError::NotReady { data, pid })
}

impl RunFile {
    /// What the `up` runs: its template, read with the settings that it was given.
    pub fn plan(&self) -> Result<Plan, RunningError> {
        let addresses = self.addresses();
        let env_vars = self.env_vars.as_deref();
        let plan = stack::load_plan(&self.template, &self.parameters, env_vars, &addresses);
        plan.map_err(|error| RunningError::Plan(Box::new(error)))
    }

    /// What there is to get at its Kafka with.
    fn keys(&self) -> Result<Keys, RunningError> {
        let ways = self.kafka_access.iter().filter_map(|way| access::parse(way).ok());
        let ways: Vec<_> = ways.collect();
        let elsewhere = self.kafka_elsewhere.then_some(self.kafka.as_str());
        Ok(Keys::open(self.secrets.as_deref(), elsewhere, &ways)?)
    }

    /// How to make a client of its Kafka.
    pub fn kafka_client(&self) -> Result<KafkaClient, RunningError> {
        let keys = self.keys()?;
        let access = keys.own();
        Ok(KafkaClient { config: access.client(&self.kafka), identity: access.identity() })
    }

    /// What the poller of a mapping of its `plan` is told, if there is one with this id; `data` is
    /// its folder.
    pub(crate) fn mapping_config(
        &self,
        plan: &Plan,
        id: &str,
        data: &Path,
    ) -> Result<Option<MappingConfig>, RunningError> {
        let keys = self.keys()?;
        let found =
            plan.mappings.iter().find(|mapping| stack::mapping_id(mapping).to_string() == id);
        let config = found.map(|mapping| stack::mapping_config(mapping, &self.kafka, data, &keys));
        Ok(config.transpose()?)
    }

    /// Its mappings, and how far each is.
    pub async fn mappings(&self) -> Result<Mappings, RunningError> {
        Ok(self.control().mappings().await?)
    }

    /// Stops the mapping of a function from delivering.
    pub async fn pause(&self, function: &str) -> Result<(), RunningError> {
        for mapping in self.mappings_of(function).await? {
            self.control().pause(&mapping).await?;
        }
        Ok(())
    }

    /// Lets it go on.
    pub async fn resume(&self, function: &str) -> Result<(), RunningError> {
        for mapping in self.mappings_of(function).await? {
            self.control().resume(&mapping).await?;
        }
        Ok(())
    }

    async fn mappings_of(&self, function: &str) -> Result<Vec<String>, RunningError> {
        let mappings = self.mappings().await?.mappings.into_iter();
        let ours = mappings.filter(|mapping| mapping.function == function);
        Ok(ours.map(|mapping| mapping.id).collect())
    }

    /// Stops the embedded Kafka; it starts again by itself after `down`, whoever is left by then.
    pub async fn stop_kafka(&self, down: Duration) -> Result<(), RunningError> {
        Ok(self.control().stop_kafka(down).await?)
    }

    pub(crate) fn control(&self) -> ControlClient {
        ControlClient::new(self.control.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_folder_without_an_owner_is_not_running_whatever_was_left_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("data"));
        assert!(matches!(find(&layout), Err(RunningError::Nothing { .. })));
        let owned = data_folder::DataFolder::take(layout.clone()).await.unwrap();
        let error = find(&layout).unwrap_err();
        assert!(matches!(error, RunningError::NotReady { pid, .. } if pid == std::process::id()));
        fs::write(layout.root().join("run.json"), "left by a killed process").unwrap();
        drop(owned);
        assert!(matches!(find(&layout), Err(RunningError::Nothing { .. })));
    }
}

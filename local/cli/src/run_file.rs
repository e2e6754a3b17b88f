//! `<data>/run.json`: where a running `up` can be reached. Written when everything is ready,
//! removed at the end; after a crash it stays, so a reader must expect nobody to answer.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::stack::Addresses;

/// The file's name in the data folder.
const NAME: &str = "run.json";

/// What a running `up` tells about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// The process.
    pub pid: u32,
    /// When it was ready, RFC 3339.
    pub started: String,
    /// The template it runs, absolute.
    pub template: PathBuf,
    /// The `--parameter-overrides` it was given.
    pub parameters: BTreeMap<String, String>,
    /// The `--env-vars` file it was given, absolute.
    pub env_vars: Option<PathBuf>,
    /// The `--secrets` file it was given, absolute.
    pub secrets: Option<PathBuf>,
    /// Whether its Kafka is not the embedded broker.
    pub kafka_elsewhere: bool,
    /// The `--kafka-access` it was given.
    pub kafka_access: Vec<String>,
    /// The HTTP API: `http://127.0.0.1:3000`.
    pub gateway: String,
    /// Lambda's Invoke API: `http://127.0.0.1:9000`, or the URL given by `--functions`.
    pub lambda: String,
    /// Kafka: `127.0.0.1:9092`, or what `--kafka` gave.
    pub kafka: String,
    /// The ARN under which mappings know the Kafka cluster.
    pub cluster_arn: String,
    /// DynamoDB: `http://127.0.0.1:8000`.
    pub table: String,
    /// The control endpoint.
    pub control: String,
}

/// Why the run file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunFileError {
    /// The file system refused.
    #[error("failed to access `{path}`")]
    Inaccessible {
        /// The run file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// Something else wrote the file.
    #[error("`{path}` is not a run file")]
    Malformed {
        /// The run file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
}

impl RunFile {
    /// Reads the run file of the data folder `data`; `None` where nothing runs.
    pub fn read(data: &Path) -> Result<Option<Self>, RunFileError> {
        let path = data.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(RunFileError::Inaccessible { path, source }),
        };
        let file = serde_json::from_slice(&text);
        file.map(Some).map_err(|source| RunFileError::Malformed { path, source })
    }

    pub(crate) fn addresses(&self) -> Addresses {
        Addresses {
            gateway: self.gateway.clone(),
            lambda: self.lambda.clone(),
            kafka: self.kafka.clone(),
            cluster_arn: self.cluster_arn.clone(),
            table: self.table.clone(),
            control: self.control.clone(),
        }
    }

    /// Writes the file so that a reader sees all of it or none; it is removed on drop.
    pub(crate) fn publish(&self, data: &Path) -> Result<Published, RunFileError> {
        let path = data.join(NAME);
        let text = serde_json::to_vec_pretty(self).expect("strings and numbers become JSON");
        let written = NamedTempFile::new_in(data).and_then(|mut draft| {
            draft.write_all(&text)?;
            Ok(draft.persist(&path)?)
        });
        match written {
            Ok(_file) => Ok(Published { path }),
            Err(source) => Err(RunFileError::Inaccessible { path, source }),
        }
    }
}

/// The run file while it is true.
#[derive(Debug)]
pub(crate) struct Published {
    path: PathBuf,
}

impl Drop for Published {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the run file stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> RunFile {
        RunFile {
            pid: 7,
            started: "2026-11-21T10:00:00Z".to_owned(),
            template: PathBuf::from("/project/template.yaml"),
            parameters: BTreeMap::new(),
            env_vars: None,
            secrets: None,
            kafka_elsewhere: false,
            kafka_access: Vec::new(),
            gateway: "http://127.0.0.1:3000".to_owned(),
            lambda: "http://127.0.0.1:9000".to_owned(),
            kafka: "127.0.0.1:9092".to_owned(),
            cluster_arn: "arn".to_owned(),
            table: "http://127.0.0.1:8000".to_owned(),
            control: "http://127.0.0.1:1".to_owned(),
        }
    }

    #[test]
    fn is_read_back_while_published_and_gone_afterwards() {
        let data = tempfile::tempdir().unwrap();
        let published = example().publish(data.path()).unwrap();
        assert_eq!(RunFile::read(data.path()).unwrap(), Some(example()));
        drop(published);
        assert_eq!(RunFile::read(data.path()).unwrap(), None);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    }

    #[test]
    fn something_else_under_its_name_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(NAME), "{}").unwrap();
        let error = RunFile::read(data.path()).unwrap_err();
        assert!(matches!(error, RunFileError::Malformed { .. }), "{error}");
    }
}

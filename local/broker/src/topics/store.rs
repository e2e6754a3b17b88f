//! The file that says which topics exist, and where their partitions' directories are.
//!
//! A topic's directory is named after its id, not its name: a topic made again never meets what
//! an earlier one left, and names that differ only in case can live on any file system.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data_dir;

/// The layout of the file; a file of another version is refused rather than misread.
const VERSION: u32 = 1;

/// Why the list of topics cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file or a directory cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not what this version writes.
    #[error("`{}` is not a list of topics", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The file is from another version of the broker.
    #[error("`{}` has version {found}, this broker reads version {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it says it has.
        found: u32,
    },
}

/// One topic as the file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredTopic {
    pub(crate) id: Uuid,
    pub(crate) partitions: i32,
    pub(crate) configs: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    /// Producer ids below this one may be in use.
    next_producer_id: i64,
    topics: BTreeMap<String, StoredTopic>,
}

/// The list of topics and the file behind it.
#[derive(Debug)]
pub(crate) struct TopicStore {
    directory: PathBuf,
    content: Content,
}

impl TopicStore {
    /// Reads `topics.json` in the data directory, and removes directories of topics that are gone.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join("topics.json");
        let content = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| StoreError::Malformed { path: path.clone(), source })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Content { version: VERSION, next_producer_id: 0, topics: BTreeMap::new() }
            }
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        if content.version != VERSION {
            return Err(StoreError::Version { path, found: content.version });
        }
        let store = Self { directory: data_dir.to_owned(), content };
        store.remove_leftovers().map_err(|source| StoreError::Io { path: store.logs(), source })?;
        Ok(store)
    }

    pub(crate) fn topics(&self) -> &BTreeMap<String, StoredTopic> {
        &self.content.topics
    }

    pub(crate) fn partition_directory(&self, topic: Uuid, partition: usize) -> PathBuf {
        self.topic_directory(topic).join(partition.to_string())
    }

    pub(crate) fn partition_directories(
        &self,
        topic: Uuid,
        partitions: std::ops::Range<usize>,
    ) -> impl Iterator<Item = PathBuf> {
        partitions.map(move |partition| self.partition_directory(topic, partition))
    }

    pub(crate) fn topic_directory(&self, topic: Uuid) -> PathBuf {
        self.logs().join(topic.simple().to_string())
    }

    /// Adds or replaces a topic, durably.
    pub(crate) fn put(&mut self, name: &str, topic: StoredTopic) -> io::Result<()> {
        let before = self.content.topics.insert(name.to_owned(), topic);
        let saved = self.save();
        if saved.is_err() {
            match before {
                Some(topic) => self.content.topics.insert(name.to_owned(), topic),
                None => self.content.topics.remove(name),
            };
        }
        saved
    }

    /// Removes a topic, durably; its files are the caller's to remove.
    pub(crate) fn remove(&mut self, name: &str) -> io::Result<()> {
        let before = self.content.topics.remove(name);
        let saved = self.save();
        if let (Err(_), Some(topic)) = (&saved, before) {
            self.content.topics.insert(name.to_owned(), topic);
        }
        saved
    }

    /// Sets `count` producer ids aside, durably, and returns the first.
    pub(crate) fn reserve_producer_ids(&mut self, count: i64) -> io::Result<i64> {
        let first = self.content.next_producer_id;
        self.content.next_producer_id = first + count;
        let saved = self.save();
        if saved.is_err() {
            self.content.next_producer_id = first;
        }
        saved.map(|()| first)
    }

    fn logs(&self) -> PathBuf {
        self.directory.join("logs")
    }

    /// Writes the file beside the old one, then puts it in its place.
    fn save(&self) -> io::Result<()> {
        let beside = self.directory.join("topics.json.new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(&self.content)?)?;
        file.sync_all()?;
        let path = self.directory.join("topics.json");
        fs::rename(&beside, &path)?;
        data_dir::sync_parent(&path)
    }

    fn remove_leftovers(&self) -> io::Result<()> {
        fs::create_dir_all(self.logs())?;
        for entry in fs::read_dir(self.logs())? {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| Uuid::try_parse(name).ok());
            let known = |id: Uuid| self.content.topics.values().any(|topic| topic.id == id);
            if id.is_some_and(|id| !known(id)) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic() -> StoredTopic {
        StoredTopic { id: Uuid::new_v4(), partitions: 2, configs: BTreeMap::new() }
    }

    #[test]
    fn topics_and_reserved_producer_ids_survive() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = TopicStore::open(directory.path()).unwrap();
        store.put("kept", topic()).unwrap();
        store.put("removed", topic()).unwrap();
        store.remove("removed").unwrap();
        assert_eq!(store.reserve_producer_ids(100).unwrap(), 0);
        let mut again = TopicStore::open(directory.path()).unwrap();
        assert_eq!(again.topics(), store.topics());
        assert_eq!(again.reserve_producer_ids(100).unwrap(), 100);
    }

    #[test]
    fn the_directory_of_a_topic_that_is_gone_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = TopicStore::open(directory.path()).unwrap();
        let kept = topic();
        store.put("kept", kept.clone()).unwrap();
        let orphan = store.partition_directory(Uuid::new_v4(), 0);
        fs::create_dir_all(&orphan).unwrap();
        fs::create_dir_all(store.partition_directory(kept.id, 0)).unwrap();
        let store = TopicStore::open(directory.path()).unwrap();
        assert!(!orphan.exists());
        assert!(store.topic_directory(kept.id).exists());
    }

    #[test]
    fn refuses_a_file_of_another_version() {
        let directory = tempfile::tempdir().unwrap();
        let text = r#"{"version":2,"next_producer_id":0,"topics":{}}"#;
        fs::write(directory.path().join("topics.json"), text).unwrap();
        let error = TopicStore::open(directory.path()).unwrap_err();
        assert!(matches!(error, StoreError::Version { found: 2, .. }), "{error}");
    }
}

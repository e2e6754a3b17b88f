//! The data directory: one broker at a time, and the cluster's id.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// The name that Kafka's own tools look for.
const META_FILE: &str = "meta.properties";

const LOCK_FILE: &str = ".lock";

const BOOT_FILE: &str = ".boot";

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// A file or directory cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another broker uses it.
    #[error("another broker is running on `{}`", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// There is a file in the id's place that holds none.
    #[error("`{}` does not say a cluster id", path.display())]
    NoClusterId {
        /// The file.
        path: PathBuf,
    },
}

/// Keeps other brokers out for as long as it lives; the system lets go of it when a process dies.
#[derive(Debug)]
pub(crate) struct DataDirLock {
    _file: File,
}

/// Makes the directory where it does not exist, and takes it.
pub(crate) fn lock(data_dir: &Path) -> Result<DataDirLock, DataDirError> {
    fs::create_dir_all(data_dir).map_err(at(data_dir))?;
    let path = data_dir.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(DataDirLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path: data_dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(DataDirError::Io { path, source }),
    }
}

/// The cluster's id, which is made on the first call for a directory: 22 characters, a random UUID
/// in URL-safe base64, as Kafka's.
///
/// May be asked before a broker starts.
pub fn cluster_id(data_dir: impl AsRef<Path>) -> Result<String, DataDirError> {
    let data_dir = data_dir.as_ref();
    let path = data_dir.join(META_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let ids = text.lines().find_map(|line| line.strip_prefix("cluster.id="));
            let id = ids.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
            id.ok_or(DataDirError::NoClusterId { path })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_cluster_id(data_dir, &path),
        Err(source) => Err(DataDirError::Io { path, source }),
    }
}

/// Whether the machine has been running ever since a broker noted so here. Where that cannot be
/// known, it has.
pub(crate) fn is_same_boot(data_dir: &Path) -> bool {
    let noted = fs::read_to_string(data_dir.join(BOOT_FILE)).ok();
    boot_id().is_none_or(|now| noted.is_some_and(|noted| noted == now))
}

/// Notes that everything here was read since the machine was started.
pub(crate) fn note_boot(data_dir: &Path) -> Result<(), DataDirError> {
    let path = data_dir.join(BOOT_FILE);
    boot_id().map_or(Ok(()), |now| fs::write(&path, now)).map_err(at(&path))
}

/// Names the time since the machine was started: Linux tells it in a file, macOS by a command.
fn boot_id() -> Option<String> {
    if let Ok(id) = fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        return Some(id);
    }
    let told = Command::new("sysctl").args(["-n", "kern.bootsessionuuid"]).output().ok()?;
    told.status.success().then(|| String::from_utf8(told.stdout).ok()).flatten()
}

fn make_cluster_id(data_dir: &Path, path: &Path) -> Result<String, DataDirError> {
    fs::create_dir_all(data_dir).map_err(at(data_dir))?;
    let id = URL_SAFE_NO_PAD.encode(Uuid::new_v4());
    let text = format!("version=1\ncluster.id={id}\nnode.id=1\n");
    let beside = data_dir.join(format!("{META_FILE}.new"));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map(|()| id).map_err(at(path))
}

/// Makes the name of a file durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    |source| DataDirError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_id_is_made_once_and_looks_like_kafkas() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = directory.path().join("new");
        let id = cluster_id(&data_dir).unwrap();
        assert_eq!(id.len(), 22);
        assert_eq!(URL_SAFE_NO_PAD.decode(&id).unwrap().len(), 16);
        assert_eq!(cluster_id(&data_dir).unwrap(), id);
    }

    #[test]
    fn another_boot_than_the_one_noted_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_same_boot(directory.path()) || boot_id().is_none());
        note_boot(directory.path()).unwrap();
        assert!(is_same_boot(directory.path()));
        fs::write(directory.path().join(BOOT_FILE), "before the power cut").unwrap();
        assert!(!is_same_boot(directory.path()) || boot_id().is_none());
    }

    #[test]
    fn a_directory_is_taken_by_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = lock(directory.path()).unwrap();
        let error = lock(directory.path()).unwrap_err();
        assert!(matches!(error, DataDirError::InUse { .. }), "{error}");
        drop(first);
        lock(directory.path()).unwrap();
    }
}

//! The data folder: its layout, who owns it, and what may be deleted.
//!
//! One process at a time owns a folder, by a lock that the system releases when the process ends,
//! however it ends. Only a folder that carries our marker is ever written to or deleted.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::run_file::RunFile;

/// Marks a folder as ours to write to and to delete.
const MARKER: &str = "millrace-data";
const MARKER_TEXT: &str = "This folder belongs to Millrace and may be deleted at any time.\n";
const LOCK: &str = "lock";

/// How long `up` waits for a folder that is owned: a command that only looks who owns it holds the
/// lock for an instant, and a process that was killed still has its memory and files to give back.
const OWNED_PATIENCE: Duration = Duration::from_secs(3);
const OWNED_PAUSE: Duration = Duration::from_millis(20);

/// Where things are in a data folder. Owns nothing and touches nothing.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The broker's segments.
    pub(crate) fn kafka(&self) -> PathBuf {
        self.root.join("kafka")
    }

    /// The SQLite file of DynamoDB.
    pub(crate) fn table(&self) -> PathBuf {
        self.root.join("table.sqlite")
    }

    /// One file per function, and `millrace.log`.
    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// What mappings write about themselves, a file each.
    pub(crate) fn mapping_logs(&self) -> PathBuf {
        self.logs().join("mappings")
    }

    /// What `up --detach` writes itself.
    pub(crate) fn own_log(&self) -> PathBuf {
        self.logs().join("millrace.log")
    }

    /// What mappings wrote for queues, topics of SNS and buckets, which do not run here.
    pub(crate) fn destinations(&self) -> PathBuf {
        self.root.join("destinations")
    }

    /// The load generator's outcomes.
    pub(crate) fn load(&self) -> PathBuf {
        self.root.join("load")
    }
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Another process owns it.
    #[error("`{path}` is in use by process {pid}{at}")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The owner.
        pid: u32,
        /// ` at URL`, where it is known.
        at: String,
    },
    /// It has files in it and is not ours.
    #[error("`{path}` is not empty and was not made by Millrace")]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("failed to {action} `{path}`")]
    Inaccessible {
        /// What was tried: `create`.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
}

impl DataFolderError {
    /// What the person can do about it, in one line.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::InUse { .. } => {
                "`cargo local status` shows it, `cargo local down` stops it; --data takes another \
                 folder"
            }
            Self::Foreign { .. } => "pass --data with a folder that is new or empty",
            Self::Inaccessible { .. } => "pass --data with a folder that can be written to",
        }
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataFolderError {
    move |source| DataFolderError::Inaccessible { action, path: path.to_owned(), source }
}

/// A data folder that this process owns until it is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    layout: Layout,
    lock: File,
}

impl DataFolder {
    /// Makes the folder where needed and takes it.
    pub(crate) async fn take(layout: Layout) -> Result<Self, DataFolderError> {
        make_ours(layout.root())?;
        let path = layout.root().join(LOCK);
        let mut options = File::options();
        let mut lock = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open", &path))?;
        let give_up = Instant::now() + OWNED_PATIENCE;
        while !try_lock(&lock, &path)? {
            if Instant::now() >= give_up {
                return Err(in_use(&layout, read_pid(&mut lock)));
            }
            sleep(OWNED_PAUSE).await;
        }
        lock.set_len(0)
            .and_then(|()| write!(lock, "{}", std::process::id()))
            .map_err(failed("write", &path))?;
        fs::create_dir_all(layout.logs()).map_err(failed("create", &layout.logs()))?;
        Ok(Self { layout, lock })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Deletes what earlier runs left; this run's own log stays.
    pub(crate) fn clear(&self) -> Result<(), DataFolderError> {
        let kept = [MARKER, LOCK, ".gitignore"];
        for entry in entries(self.layout.root())? {
            if !kept.iter().any(|name| entry.ends_with(name)) && entry != self.layout.logs() {
                delete(&entry)?;
            }
        }
        for entry in entries(&self.layout.logs())? {
            if entry != self.layout.own_log() {
                delete(&entry)?;
            }
        }
        Ok(())
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // Closing the file releases the lock as well: a failure changes nothing.
        self.lock.unlock().ok();
    }
}

/// The process that owns the folder now, if any.
pub(crate) fn owner(layout: &Layout) -> Result<Option<u32>, DataFolderError> {
    let path = layout.root().join(LOCK);
    let mut lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed("open", &path)(source)),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_pid(&mut lock))),
        Err(TryLockError::Error(source)) => Err(failed("lock", &path)(source)),
    }
}

/// Fails where a process owns the folder and does not give it up at once, and names it.
pub(crate) async fn refuse_owned(layout: &Layout) -> Result<(), DataFolderError> {
    let give_up = Instant::now() + OWNED_PATIENCE;
    while let Some(pid) = owner(layout)? {
        if Instant::now() >= give_up {
            return Err(in_use(layout, pid));
        }
        sleep(OWNED_PAUSE).await;
    }
    Ok(())
}

fn in_use(layout: &Layout, pid: u32) -> DataFolderError {
    let running = RunFile::read(layout.root()).ok().flatten();
    let at = running.map(|file| format!(" at {}", file.gateway)).unwrap_or_default();
    DataFolderError::InUse { path: layout.root().to_owned(), pid, at }
}

/// Deletes a data folder that nobody uses. Says whether there was one.
pub(crate) async fn remove(layout: Layout) -> Result<bool, DataFolderError> {
    if !layout.root().exists() {
        return Ok(false);
    }
    if !layout.root().join(MARKER).exists() {
        return Err(DataFolderError::Foreign { path: layout.root });
    }
    let folder = DataFolder::take(layout).await?;
    delete(folder.layout.root())?;
    Ok(true)
}

/// Makes sure that the folder is there and ours: an existing one must be so already, or be empty.
pub(crate) fn make_ours(root: &Path) -> Result<(), DataFolderError> {
    fs::create_dir_all(root).map_err(failed("create", root))?;
    let marker = root.join(MARKER);
    if marker.exists() {
        return Ok(());
    }
    if !entries(root)?.is_empty() {
        return Err(DataFolderError::Foreign { path: root.to_owned() });
    }
    fs::write(&marker, MARKER_TEXT).map_err(failed("write", &marker))?;
    let ignore = root.join(".gitignore");
    fs::write(&ignore, "*\n").map_err(failed("write", &ignore))
}

fn try_lock(lock: &File, path: &Path) -> Result<bool, DataFolderError> {
    match lock.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(failed("lock", path)(source)),
    }
}

/// The owner writes its number right after it has the lock; until then this reads the last one.
fn read_pid(lock: &mut File) -> u32 {
    let mut text = String::new();
    let read = lock.rewind().and_then(|()| lock.read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataFolderError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed("list", folder)(source)),
    };
    let paths = listing.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<io::Result<_>>().map_err(failed("list", folder))
}

fn delete(path: &Path) -> Result<(), DataFolderError> {
    let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    let deleted = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    deleted.map_err(failed("delete", path))
}

#[cfg(test)]
mod tests;

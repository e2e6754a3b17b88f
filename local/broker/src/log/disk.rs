//! The calls that change files of a log, in one place, so that a test can give a log a disk that is
//! full, forbidden or out of handles. Reading is not among them.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

#[cfg(test)]
pub(crate) mod failing;

/// What a log asks of the file system. The methods as they stand are the real ones.
pub(crate) trait Disk: Debug + Send + Sync {
    /// Opens or makes a file.
    fn open(&self, options: &OpenOptions, path: &Path) -> io::Result<File> {
        options.open(path)
    }

    /// Writes at the end of a file that was opened for appending; may take less than all.
    fn append(&self, file: &File, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&mut &*file).write_vectored(slices)
    }

    /// Writes at a place in a file that was not opened for appending.
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        file.write_all_at(bytes, position)
    }

    /// Cuts a file behind its first `length` bytes.
    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Writes a file beside the one it is to replace.
    fn write_new(&self, path: &Path, content: &[u8]) -> io::Result<File> {
        let mut file = File::create(path)?;
        file.write_all(content).map(|()| file)
    }

    /// Waits until a file's content is on the medium.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// The file system as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {}

/// Where logs are kept, and how sure a write must be before it is acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(crate) disk: Arc<dyn Disk>,
    /// Acknowledge only what is on the medium; otherwise what the kernel has.
    pub(crate) fsync: bool,
    /// Whether everything that the kernel was given before is there: what nobody synced is not
    /// after a power cut.
    pub(crate) is_whole: bool,
}

impl Storage {
    pub(crate) fn new(fsync: bool) -> Self {
        Self { disk: Arc::new(RealDisk), fsync, is_whole: true }
    }

    /// The same where the machine may have been without power since it was last used.
    pub(crate) fn after_boot(self) -> Self {
        let is_whole = self.fsync;
        Self { is_whole, ..self }
    }

    /// Puts a file with this content in the place of another, whole or not at all.
    pub(crate) fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let beside = path.with_extension("new");
        let file = self.disk.write_new(&beside, content)?;
        self.sync(&file)?;
        fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |directory| self.sync_directory(directory))
    }

    /// Waits until a file's content is on the medium, where that is asked for.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        if self.fsync { self.disk.sync(file) } else { Ok(()) }
    }

    /// Makes new names in a directory as durable as what is written.
    pub(crate) fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        if self.fsync { File::open(directory)?.sync_all() } else { Ok(()) }
    }
}

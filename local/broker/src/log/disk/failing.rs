//! A disk for tests that runs full and out of handles when it is told to.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::Path;
use std::sync::Mutex;

use super::{Disk, RealDisk, Storage};

/// What is wrong with the disk at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// This many more bytes fit.
    Room(usize),
    /// No file can be opened.
    Handles,
    /// Nothing may be written.
    Permission,
    /// Syncs fail; writes do not.
    Sync,
    /// Syncs fail, and what was written cannot be cut off again.
    Stuck,
}

/// A real disk with trouble.
#[derive(Debug)]
pub(crate) struct FailingDisk {
    trouble: Mutex<Trouble>,
}

impl FailingDisk {
    pub(crate) fn new() -> Self {
        Self { trouble: Mutex::new(Trouble::None) }
    }

    pub(crate) fn storage(self: &std::sync::Arc<Self>, fsync: bool) -> Storage {
        let disk: std::sync::Arc<dyn Disk> = std::sync::Arc::<Self>::clone(self);
        Storage { disk, fsync, is_whole: true }
    }

    pub(crate) fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    /// How many of `wanted` bytes may be written.
    fn take(&self, wanted: usize) -> io::Result<usize> {
        let mut trouble = self.trouble.lock().unwrap();
        match &mut *trouble {
            Trouble::Room(0) => Err(io::ErrorKind::StorageFull.into()),
            Trouble::Room(left) => {
                let taken = wanted.min(*left);
                *left -= taken;
                Ok(taken)
            }
            Trouble::Permission => Err(io::ErrorKind::PermissionDenied.into()),
            Trouble::None | Trouble::Handles | Trouble::Sync | Trouble::Stuck => Ok(wanted),
        }
    }
}

impl Disk for FailingDisk {
    fn open(&self, options: &OpenOptions, path: &Path) -> io::Result<File> {
        match *self.trouble.lock().unwrap() {
            Trouble::Handles => Err(io::Error::other("too many open files")),
            Trouble::Permission => Err(io::ErrorKind::PermissionDenied.into()),
            Trouble::None | Trouble::Room(_) | Trouble::Sync | Trouble::Stuck => options.open(path),
        }
    }

    fn append(&self, file: &File, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes = slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>();
        let taken = self.take(bytes.len())?;
        (&mut &*file).write_all(&bytes[..taken])?;
        Ok(taken)
    }

    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        let taken = self.take(bytes.len())?;
        RealDisk.write_at(file, &bytes[..taken], position)?;
        if taken < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        match *self.trouble.lock().unwrap() {
            Trouble::Stuck => Err(io::Error::other("the medium does not answer")),
            _ => RealDisk.cut(file, length),
        }
    }

    fn write_new(&self, path: &Path, content: &[u8]) -> io::Result<File> {
        if self.take(content.len())? < content.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealDisk.write_new(path, content)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        match *self.trouble.lock().unwrap() {
            Trouble::Sync | Trouble::Stuck => Err(io::Error::other("the medium does not answer")),
            _ => RealDisk.sync(file),
        }
    }
}

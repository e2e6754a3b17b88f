//! The sparse indexes beside a segment, in Kafka's own formats: `.index` leads from offsets to
//! positions, `.timeindex` from timestamps to offsets.
//!
//! They only shorten searches. What they say can be had again from the segment, so a lost entry
//! costs time and nothing else. Sources: Kafka's `OffsetIndex` and `TimeIndex`.

use std::fs::{File, OpenOptions};
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, BufMut};

use crate::log::disk::{Disk, Storage};

/// An entry of a fixed size; offsets are kept relative to the segment's base.
pub(crate) trait Entry: Copy {
    /// Its size in the file.
    const BYTES: u64;
    /// How the file's name ends.
    const EXTENSION: &'static str;

    /// Whether the entry can be written: relative offsets and positions have 31 bits.
    fn fits(&self, base_offset: i64) -> bool;

    fn put(&self, base_offset: i64, into: &mut Vec<u8>);

    fn read(base_offset: i64, bytes: &[u8]) -> Self;
}

/// The batch at `position` ends with `last_offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    pub(crate) last_offset: i64,
    pub(crate) position: u64,
}

/// Up to `last_offset`, the last of the batch that has it, no timestamp is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: i64,
    pub(crate) last_offset: i64,
}

impl Entry for OffsetEntry {
    const BYTES: u64 = 8;
    const EXTENSION: &'static str = "index";

    fn fits(&self, base_offset: i64) -> bool {
        i32::try_from(self.last_offset - base_offset).is_ok()
            && i32::try_from(self.position).is_ok()
    }

    fn put(&self, base_offset: i64, into: &mut Vec<u8>) {
        into.put_i32(relative(self.last_offset, base_offset));
        into.put_i32(i32::try_from(self.position).unwrap_or(i32::MAX));
    }

    fn read(base_offset: i64, mut bytes: &[u8]) -> Self {
        let last_offset = base_offset + i64::from(bytes.get_i32());
        Self { last_offset, position: u64::try_from(bytes.get_i32()).unwrap_or(0) }
    }
}

impl Entry for TimeEntry {
    const BYTES: u64 = 12;
    const EXTENSION: &'static str = "timeindex";

    fn fits(&self, base_offset: i64) -> bool {
        i32::try_from(self.last_offset - base_offset).is_ok()
    }

    fn put(&self, base_offset: i64, into: &mut Vec<u8>) {
        into.put_i64(self.timestamp);
        into.put_i32(relative(self.last_offset, base_offset));
    }

    fn read(base_offset: i64, mut bytes: &[u8]) -> Self {
        let timestamp = bytes.get_i64();
        Self { timestamp, last_offset: base_offset + i64::from(bytes.get_i32()) }
    }
}

fn relative(offset: i64, base_offset: i64) -> i32 {
    i32::try_from(offset - base_offset).unwrap_or(i32::MAX)
}

/// An index that is written to. Its file is made with the first entry: a log of a few records
/// needs none.
#[derive(Debug)]
pub(crate) struct Index<E> {
    path: PathBuf,
    base_offset: i64,
    view: IndexView<E>,
}

/// An index as a reader has it: what was there at one moment.
#[derive(Clone, Debug)]
pub(crate) struct IndexView<E> {
    /// `None` while there is no entry, and of a closed segment, whose file is opened when asked.
    file: Option<Arc<File>>,
    entries: u64,
    last: Option<E>,
    entry: PhantomData<E>,
}

impl<E: Entry> Index<E> {
    /// An index without entries; what an earlier one of the same name left is replaced with the
    /// first.
    pub(crate) fn empty(directory: &Path, base_offset: i64) -> Self {
        let path = path_of::<E>(directory, base_offset);
        let view = IndexView { file: None, entries: 0, last: None, entry: PhantomData };
        Self { path, base_offset, view }
    }

    /// Goes on with the first `entries` of a file; fails where it has fewer.
    pub(crate) fn resume(
        disk: &dyn Disk,
        directory: &Path,
        base_offset: i64,
        entries: u64,
    ) -> io::Result<Self> {
        let mut index = Self::empty(directory, base_offset);
        if entries > 0 {
            let file = disk.open(OpenOptions::new().read(true).write(true), &index.path)?;
            let last = entry_at(&file, base_offset, entries - 1)?;
            index.view =
                IndexView { file: Some(Arc::new(file)), entries, last: Some(last), ..index.view };
        }
        Ok(index)
    }

    /// Adds an entry; after an error there is none.
    pub(crate) fn push(&mut self, disk: &dyn Disk, entry: E) -> io::Result<()> {
        if !entry.fits(self.base_offset) {
            return Ok(());
        }
        let file = if let Some(file) = &self.view.file {
            Arc::clone(file)
        } else {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(true);
            Arc::new(disk.open(options, &self.path)?)
        };
        let mut bytes = Vec::with_capacity(16);
        entry.put(self.base_offset, &mut bytes);
        disk.write_at(&file, &bytes, self.view.entries * E::BYTES)?;
        self.view.file = Some(file);
        self.view.entries += 1;
        self.view.last = Some(entry);
        Ok(())
    }

    pub(crate) fn last(&self) -> Option<E> {
        self.view.last
    }

    pub(crate) fn entries(&self) -> u64 {
        self.view.entries
    }

    /// Makes the entries as durable as what is written.
    pub(crate) fn sync(&self, storage: &Storage) -> io::Result<()> {
        self.view.file.as_ref().map_or(Ok(()), |file| storage.sync(file))
    }

    /// Cuts what lies behind the last entry: left by a crash or a failed write.
    pub(crate) fn trim(&self) -> io::Result<()> {
        match &self.view.file {
            Some(file) => file.set_len(self.view.entries * E::BYTES),
            None => Ok(()),
        }
    }
}

impl<E: Clone> Index<E> {
    pub(crate) fn view(&self) -> IndexView<E> {
        self.view.clone()
    }
}

impl<E: Entry> IndexView<E> {
    /// The index of a segment that is no longer written to, by its file; `None` where the file is
    /// not there or not whole.
    pub(crate) fn closed(directory: &Path, base_offset: i64) -> io::Result<Option<Self>> {
        let path = path_of::<E>(directory, base_offset);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = file.metadata()?.len();
        if bytes == 0 || !bytes.is_multiple_of(E::BYTES) {
            return Ok(None);
        }
        let entries = bytes / E::BYTES;
        let last = Some(entry_at(&file, base_offset, entries - 1)?);
        Ok(Some(Self { file: None, entries, last, entry: PhantomData }))
    }

    /// An index without entries.
    pub(crate) fn none() -> Self {
        Self { file: None, entries: 0, last: None, entry: PhantomData }
    }

    /// Lets go of the file.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }

    pub(crate) fn last(&self) -> Option<E> {
        self.last
    }

    /// The last entry of those that are `before`, which must all come first.
    pub(crate) fn search(
        &self,
        directory: &Path,
        base_offset: i64,
        before: impl Fn(&E) -> bool,
    ) -> io::Result<Option<E>> {
        // Nearly all searches are for the end of the log.
        if self.last.is_none_or(|last| before(&last)) {
            return Ok(self.last);
        }
        let opened = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::new(File::open(path_of::<E>(directory, base_offset))?),
        };
        let (mut low, mut high, mut found) = (0, self.entries - 1, None);
        while low < high {
            let middle = low.midpoint(high);
            let entry = entry_at(&opened, base_offset, middle)?;
            if before(&entry) {
                (low, found) = (middle + 1, Some(entry));
            } else {
                high = middle;
            }
        }
        Ok(found)
    }
}

fn entry_at<E: Entry>(file: &File, base_offset: i64, at: u64) -> io::Result<E> {
    let mut bytes = [0; 12];
    let bytes = &mut bytes[..usize::try_from(E::BYTES).unwrap_or(12)];
    file.read_exact_at(bytes, at * E::BYTES)?;
    Ok(E::read(base_offset, bytes))
}

/// Where the index of a segment is.
pub(crate) fn path_of<E: Entry>(directory: &Path, base_offset: i64) -> PathBuf {
    directory.join(format!("{base_offset:020}.{}", E::EXTENSION))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::disk::RealDisk;

    #[test]
    fn entries_are_kafkas_bytes_and_are_found_open_resumed_and_closed() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = Index::<OffsetEntry>::empty(directory.path(), 100);
        let entry = |n: i64| OffsetEntry { last_offset: 100 + n, position: n.unsigned_abs() * 10 };
        for n in [5, 10, 20, 30] {
            index.push(&RealDisk, entry(n)).unwrap();
        }
        let path = path_of::<OffsetEntry>(directory.path(), 100);
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(bytes[..8], [0, 0, 0, 5, 0, 0, 0, 50]);
        let resumed = Index::resume(&RealDisk, directory.path(), 100, 4).unwrap();
        let closed = IndexView::closed(directory.path(), 100).unwrap().unwrap();
        for view in [index.view(), resumed.view(), closed] {
            let find = |offset: i64| {
                let found = view.search(directory.path(), 100, |one| one.last_offset <= offset);
                found.unwrap().map(|found| found.last_offset)
            };
            let found = [104, 105, 109, 110, 119, 129, 130, 999].map(find);
            let expected =
                [None, Some(105), Some(105), Some(110), Some(110), Some(120), Some(130), Some(130)];
            assert_eq!(found, expected);
        }
        assert!(Index::<OffsetEntry>::resume(&RealDisk, directory.path(), 100, 5).is_err());
    }

    #[test]
    fn a_time_entry_is_a_timestamp_and_a_relative_offset() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = Index::<TimeEntry>::empty(directory.path(), 7);
        index.push(&RealDisk, TimeEntry { timestamp: 258, last_offset: 9 }).unwrap();
        let bytes = std::fs::read(path_of::<TimeEntry>(directory.path(), 7)).unwrap();
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 2]);
    }
}

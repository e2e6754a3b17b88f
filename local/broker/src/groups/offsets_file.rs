//! The file that makes committed offsets and rosters durable: changes end to end, each with length and
//! checksum, rewritten as a snapshot on start and whenever it has grown far beyond one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut};

use crate::data_dir;
use crate::groups::offsets::{Change, Offsets};

/// A file smaller than this is never worth rewriting while it is in use.
const REWRITE_BYTES_MIN: u64 = 16 << 20;

/// A file is rewritten when it is this many times as large as its last snapshot.
const REWRITE_GROWTH: u64 = 8;

/// Committed offsets with the file behind them.
#[derive(Debug)]
pub(crate) struct OffsetsFile {
    offsets: Offsets,
    path: PathBuf,
    file: File,
    size_bytes: u64,
    snapshot_bytes: u64,
    fsync: bool,
    /// A write failed and its traces could not be removed yet.
    damaged: bool,
}

impl OffsetsFile {
    /// Reads the file up to its end or its torn tail, and rewrites it.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        Self::open_and(path, |_| {})
    }

    /// The same where whoever was a member has ended with the broker.
    pub(crate) fn open_without_members(path: PathBuf) -> io::Result<Self> {
        Self::open_and(path, Offsets::forget_rosters)
    }

    fn open_and(path: PathBuf, change: impl FnOnce(&mut Offsets)) -> io::Result<Self> {
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut offsets = Offsets::default();
        let mut rest = &content[..];
        while let Some(one) = next_change(&mut rest) {
            offsets.apply(one);
        }
        change(&mut offsets);
        let (file, size_bytes) = write_snapshot(&path, &offsets)?;
        Ok(Self {
            offsets,
            path,
            file,
            size_bytes,
            snapshot_bytes: size_bytes,
            fsync: false,
            damaged: false,
        })
    }

    /// Whether changes count only when they are on the medium.
    pub(crate) fn synced(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }

    pub(crate) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Makes changes durable, then visible; after an error neither.
    pub(crate) fn append(&mut self, changes: Vec<Change>) -> io::Result<()> {
        let mut frames = Vec::new();
        for change in &changes {
            put_frame(&mut frames, change);
        }
        self.repair()?;
        let written = self.file.write_all(&frames);
        let synced = written.and_then(|()| if self.fsync { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = synced {
            self.damaged = true;
            // Where the file cannot be cut now, the next change tries again first.
            self.repair().unwrap_or_default();
            return Err(error);
        }
        self.size_bytes += frames.len() as u64;
        for change in changes {
            self.offsets.apply(change);
        }
        self.rewrite_if_large();
        Ok(())
    }

    /// Removes what a failed write left behind: reading would stop at it, short of later changes.
    fn repair(&mut self) -> io::Result<()> {
        if self.damaged {
            self.file.set_len(self.size_bytes)?;
            self.damaged = false;
        }
        Ok(())
    }

    fn rewrite_if_large(&mut self) {
        let limit = REWRITE_BYTES_MIN.max(self.snapshot_bytes.saturating_mul(REWRITE_GROWTH));
        if self.size_bytes < limit {
            return;
        }
        match write_snapshot(&self.path, &self.offsets) {
            Ok((file, size_bytes)) => {
                self.file = file;
                self.size_bytes = size_bytes;
                self.snapshot_bytes = size_bytes;
            }
            Err(error) => tracing::warn!(%error, "The offsets file cannot be rewritten"),
        }
    }
}

/// Writes a file with only what counts beside the old one, then puts it in its place.
fn write_snapshot(path: &Path, offsets: &Offsets) -> io::Result<(File, u64)> {
    let beside = path.with_extension("new");
    let mut frames = Vec::new();
    for change in offsets.snapshot() {
        put_frame(&mut frames, &change);
    }
    fs::write(&beside, &frames)?;
    let file = OpenOptions::new().append(true).open(&beside)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    data_dir::sync_parent(path)?;
    Ok((file, frames.len() as u64))
}

fn put_frame(frames: &mut Vec<u8>, change: &Change) {
    let mut body = Vec::new();
    change.encode(&mut body);
    frames.put_u32(u32::try_from(body.len()).expect("a change is far smaller than 4 GiB"));
    frames.put_u32(crc32c::crc32c(&body));
    frames.extend_from_slice(&body);
}

fn next_change(rest: &mut &[u8]) -> Option<Change> {
    let length = usize::try_from(rest.try_get_u32().ok()?).ok()?;
    let crc = rest.try_get_u32().ok()?;
    let (body, after) = rest.split_at_checked(length)?;
    *rest = after;
    (crc32c::crc32c(body) == crc).then(|| Change::decode(body)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::offsets::{Committed, TopicPartition};

    fn commit(offset: i64) -> Change {
        let at = TopicPartition { topic: "t".to_owned(), partition: 0 };
        let committed = Committed { offset, leader_epoch: -1, metadata: "note".to_owned() };
        Change::Commit { group: "g".to_owned(), at, committed }
    }

    fn committed(file: &OffsetsFile) -> Option<i64> {
        file.offsets().of_group("g").and_then(|all| all.values().next().map(|one| one.offset))
    }

    #[test]
    fn a_tail_torn_at_any_byte_loses_only_the_last_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offsets.log");
        let mut file = OffsetsFile::open(path.clone()).unwrap();
        file.append(vec![commit(1)]).unwrap();
        let first = file.size_bytes;
        file.append(vec![commit(2)]).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in first..whole.len() as u64 {
            fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();
            let mut reopened = OffsetsFile::open(path.clone()).unwrap();
            assert_eq!(committed(&reopened), Some(1), "{length} bytes kept");
            reopened.append(vec![commit(3)]).unwrap();
            assert_eq!(committed(&OffsetsFile::open(path.clone()).unwrap()), Some(3));
        }
    }

    #[test]
    fn a_torn_change_that_could_not_be_cut_hides_no_later_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offsets.log");
        let mut file = OffsetsFile::open(path.clone()).unwrap();
        file.append(vec![commit(1)]).unwrap();
        // A handle that can neither write nor cut.
        let working = std::mem::replace(&mut file.file, File::open(&path).unwrap());
        assert!(file.append(vec![commit(2)]).is_err());
        (&working).write_all(b"torn").unwrap();
        assert!(file.append(vec![commit(3)]).is_err());
        file.file = working;
        file.append(vec![commit(4)]).unwrap();
        assert_eq!(committed(&OffsetsFile::open(path).unwrap()), Some(4));
    }

    #[test]
    fn opening_rewrites_the_file_to_what_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offsets.log");
        let mut file = OffsetsFile::open(path.clone()).unwrap();
        for offset in 0..50 {
            file.append(vec![commit(offset)]).unwrap();
        }
        let reopened = OffsetsFile::open(path).unwrap();
        assert_eq!(committed(&reopened), Some(49));
        assert_eq!(reopened.size_bytes * 50, file.size_bytes);
    }

    #[test]
    fn a_file_that_outgrew_its_snapshot_is_rewritten_while_it_is_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offsets.log");
        let mut file = OffsetsFile::open(path.clone()).unwrap();
        file.append(vec![commit(0)]).unwrap();
        let commits = i64::try_from(REWRITE_BYTES_MIN / file.size_bytes).unwrap() + 1;
        file.append((1..commits).map(commit).collect()).unwrap();
        assert!(file.size_bytes < 100, "{} bytes after the rewrite", file.size_bytes);
        file.append(vec![commit(-7)]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), file.size_bytes);
        assert_eq!(committed(&OffsetsFile::open(path).unwrap()), Some(-7));
    }
}

//! Files of a log changed at random: it opens, or says why not, never panics; it takes records and
//! has them after the next start; a torn end loses nothing before it.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use super::{mutate, rounds};
use crate::batch::fixture::BatchBuilder;
use crate::log::settings::LogSettings;
use crate::log::{Found, PartitionLog, Storage};

fn open(directory: &Path) -> PartitionLog {
    let configs = [("segment.bytes", "9000"), ("retention.ms", "-1")];
    let configs = configs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = LogSettings::from_configs(&configs.into()).unwrap();
    PartitionLog::open(directory.to_owned(), settings, Storage::new(false), 0).unwrap()
}

fn append(log: &mut PartitionLog, batch: &Bytes) -> i64 {
    if log.must_roll(batch, 0) {
        log.roll().unwrap();
    }
    let appended = log.stage(batch, 0).unwrap();
    log.commit(0).unwrap();
    appended.base_offset
}

/// The files of a log with some segments, indexes and a recovery point.
fn files() -> Vec<(String, Vec<u8>)> {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path());
    for n in 0..60 {
        append(&mut log, &BatchBuilder::values([&"x".repeat(400 + n), "second"]).build());
    }
    log.put_away();
    let entries = fs::read_dir(directory.path()).unwrap().map(Result::unwrap);
    let read = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort_unstable();
    files
}

#[test]
fn fuzz_recovery() {
    let files = files();
    let is_segment = |name: &str| name.strip_suffix(".log").is_some();
    let last = files.iter().rev().find(|(name, _)| is_segment(name)).unwrap().0.clone();
    let directory = tempfile::tempdir().unwrap();
    rounds(200, |random| {
        for entry in fs::read_dir(directory.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let mut kept = None;
        let tears_only = random.bool();
        let victim = random.usize(..files.len());
        for (at, (name, content)) in files.iter().enumerate() {
            let mut content = content.clone();
            if tears_only && *name == last {
                content.truncate(random.usize(..=content.len()));
                kept = Some(content.len());
            } else if !tears_only && at == victim {
                mutate(random, &mut content);
            }
            fs::write(directory.path().join(name), content).unwrap();
        }
        let mut log = open(directory.path());
        let ends = log.view().ends();
        if let Some(kept) = kept {
            let whole = whole_batches(&files, &last, kept);
            assert_eq!(ends.end, whole, "what was whole is there, of {kept} bytes");
            for offset in ends.start..ends.end {
                assert!(matches!(log.view().find(offset).unwrap(), Found::Batches(_)));
            }
        } else {
            for offset in (ends.start..ends.end.min(ends.start + 200)).step_by(7) {
                drop(log.view().find(offset));
                drop(log.view().find_timestamp(offset));
            }
        }
        let next = append(&mut log, &BatchBuilder::values(["next"]).build());
        assert_eq!(next, ends.end);
        drop(log);
        assert_eq!(open(directory.path()).view().ends().end, next + 1);
    });
}

/// The end offset after the whole batches in the first `kept` bytes of the last segment.
fn whole_batches(files: &[(String, Vec<u8>)], last: &str, kept: usize) -> i64 {
    let content = &files.iter().find(|(name, _)| name == last).unwrap().1[..kept];
    let mut end = last.strip_suffix(".log").unwrap().parse().unwrap();
    let mut rest = content;
    while let Some(header) = crate::batch::BatchHeader::parse(rest)
        && header.size_bytes <= rest.len()
    {
        end = header.last_offset() + 1;
        rest = &rest[header.size_bytes..];
    }
    end
}

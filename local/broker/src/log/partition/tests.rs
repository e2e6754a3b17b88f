//! A log under crashes, repeats, rolling, retention and failing disks, on real files.

use std::fs;
use std::os::unix::fs::FileExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::batch::HEADER_BYTES;
use crate::batch::fixture::BatchBuilder;
use crate::log::records::Stamp;
use crate::log::view::{Ends, Found};

pub(super) struct Fixture {
    pub(super) directory: TempDir,
    pub(super) log: PartitionLog,
}

fn settings(configs: &[(&str, &str)]) -> LogSettings {
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    LogSettings::from_configs(&configs.collect()).unwrap()
}

fn open(directory: &TempDir, settings: LogSettings) -> PartitionLog {
    PartitionLog::open(directory.path().to_owned(), settings, Storage::new(false), 0).unwrap()
}

impl Fixture {
    pub(super) fn new(configs: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let log = open(&directory, settings(configs));
        Self { directory, log }
    }

    pub(super) fn reopen(self) -> Self {
        let Self { directory, log } = self;
        let settings = log.settings.clone();
        drop(log);
        let log = open(&directory, settings);
        Self { directory, log }
    }

    pub(super) fn append(&mut self, batch: &Bytes) -> Result<Appended, ResponseError> {
        self.append_at(batch, 0)
    }

    fn append_at(&mut self, batch: &Bytes, now_ms: i64) -> Result<Appended, ResponseError> {
        if self.log.must_roll(batch, now_ms) {
            self.log.roll().unwrap();
        }
        let appended = self.log.stage(batch, now_ms)?;
        self.log.commit(now_ms).unwrap();
        Ok(appended)
    }

    /// The base offset of the batch that a reader at `offset` gets first.
    pub(super) fn first_at(&self, offset: i64) -> Option<i64> {
        match self.log.view().find(offset).unwrap() {
            Found::Batches(batches) => {
                let mut bytes = [0; HEADER_BYTES];
                batches.file.read_exact_at(&mut bytes, batches.position).unwrap();
                Some(BatchHeader::parse(&bytes).unwrap().base_offset)
            }
            Found::AtEnd | Found::OutOfRange => None,
        }
    }

    pub(super) fn segments(&self) -> Vec<i64> {
        segment::list(self.directory.path()).unwrap()
    }
}

pub(super) fn two(first: &str) -> Bytes {
    BatchBuilder::values([first, "second"]).build()
}

#[test]
fn a_tail_torn_at_any_byte_of_the_last_batch_loses_that_batch_and_no_other() {
    let mut fixture = Fixture::new(&[]);
    fixture.append(&two("a")).unwrap();
    fixture.append(&two("b")).unwrap();
    let kept = fs::metadata(path(&fixture)).unwrap().len();
    fixture.append(&two("c")).unwrap();
    let whole = fs::read(path(&fixture)).unwrap();
    for length in usize::try_from(kept).unwrap()..whole.len() {
        fs::write(path(&fixture), &whole[..length]).unwrap();
        fixture = fixture.reopen();
        assert_eq!(fixture.log.view().ends(), Ends { start: 0, end: 4 }, "cut to {length} bytes");
        assert_eq!(fs::metadata(path(&fixture)).unwrap().len(), kept);
        assert_eq!(fixture.append(&two("d")).unwrap().base_offset, 4);
        assert_eq!(fixture.first_at(4), Some(4));
        fs::write(path(&fixture), &whole).unwrap();
    }
    fixture = fixture.reopen();
    assert_eq!(fixture.log.view().ends().end, 6);
}

#[test]
fn a_flipped_bit_in_the_last_batch_is_found() {
    let mut fixture = Fixture::new(&[]);
    fixture.append(&two("a")).unwrap();
    let kept = fs::metadata(path(&fixture)).unwrap().len();
    fixture.append(&two("b")).unwrap();
    let whole = fs::read(path(&fixture)).unwrap();
    for at in usize::try_from(kept).unwrap() + 21..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 0x10;
        fs::write(path(&fixture), broken).unwrap();
        fixture = fixture.reopen();
        assert_eq!(fixture.log.view().ends().end, 2, "byte {at}");
    }
}

fn path(fixture: &Fixture) -> PathBuf {
    fixture.directory.path().join("00000000000000000000.log")
}

#[test]
fn stored_bytes_are_the_producers_but_for_offset_and_epoch() {
    let mut fixture = Fixture::new(&[]);
    fixture.append(&two("a")).unwrap();
    let batch = two("b");
    fixture.append(&batch).unwrap();
    let stored = &fs::read(path(&fixture)).unwrap()[batch.len()..];
    assert_eq!(stored[..8], 2_i64.to_be_bytes());
    assert_eq!(stored[8..12], batch[8..12]);
    assert_eq!(stored[12..16], [0; 4]);
    assert_eq!(stored[16..], batch[16..]);
}

#[test]
fn every_offset_leads_to_the_batch_that_holds_it() {
    let mut fixture = Fixture::new(&[("segment.bytes", "20000")]);
    for n in 0..2_000 {
        fixture.append(&two(&n.to_string())).unwrap();
    }
    assert!(fixture.segments().len() > 5);
    for _ in 0..2 {
        for offset in 0..4_000 {
            assert_eq!(fixture.first_at(offset), Some(offset - offset % 2), "offset {offset}");
        }
        assert!(matches!(fixture.log.view().find(4_000).unwrap(), Found::AtEnd));
        assert!(matches!(fixture.log.view().find(4_001).unwrap(), Found::OutOfRange));
        assert!(matches!(fixture.log.view().find(-1).unwrap(), Found::OutOfRange));
        fixture = fixture.reopen();
    }
}

#[test]
fn a_repeat_is_recognised_also_after_a_restart_and_over_segments() {
    let mut fixture = Fixture::new(&[("segment.bytes", "200"), ("retention.ms", "-1")]);
    let batches: Vec<_> =
        (0..6).map(|n| BatchBuilder::values(["a", "b"]).idempotent(7, 0, n * 2).build()).collect();
    for batch in &batches {
        fixture.append(batch).unwrap();
    }
    assert!(fixture.segments().len() > 2);
    fixture = fixture.reopen();
    for (n, batch) in batches.iter().enumerate().skip(1) {
        let repeated = fixture.append(batch).unwrap().base_offset;
        assert_eq!(repeated, i64::try_from(n).unwrap() * 2);
    }
    let gap = BatchBuilder::values(["a"]).idempotent(7, 0, 14).build();
    assert_eq!(fixture.append(&gap), Err(ResponseError::OutOfOrderSequenceNumber));
    assert_eq!(fixture.log.view().ends().end, 12);
}

#[test]
fn batches_staged_together_are_written_together_and_see_each_other() {
    let mut fixture = Fixture::new(&[]);
    let first = BatchBuilder::values(["a"]).idempotent(1, 0, 0).build();
    let next = BatchBuilder::values(["b"]).idempotent(1, 0, 1).build();
    assert_eq!(fixture.log.stage(&first, 0).unwrap().base_offset, 0);
    assert_eq!(fixture.log.stage(&first, 0).unwrap().base_offset, 0);
    assert_eq!(fixture.log.stage(&next, 0).unwrap().base_offset, 1);
    assert_eq!(fixture.log.view().ends().end, 0);
    fixture.log.commit(0).unwrap();
    assert_eq!(fixture.log.view().ends().end, 2);
}

#[test]
fn timestamps_are_found_inside_batches_and_over_segments() {
    let mut fixture = Fixture::new(&[("segment.bytes", "300"), ("retention.ms", "-1")]);
    for n in 0..20_i64 {
        let batch = BatchBuilder::values(["a", "b"]).timestamps([n * 100 + 1, n * 100 + 51]);
        fixture.append(&batch.build()).unwrap();
    }
    for n in 0..20_i64 {
        let found = |at| fixture.log.view().find_timestamp(at).unwrap().map(|stamp| stamp.offset);
        assert_eq!(found(n * 100 + 1), Some(n * 2));
        assert_eq!(found(n * 100 + 2), Some(n * 2 + 1));
        assert_eq!(found(n * 100 + 51), Some(n * 2 + 1));
    }
    assert_eq!(fixture.log.view().find_timestamp(2_000).unwrap(), None);
    assert_eq!(fixture.log.view().find_newest().unwrap().map(|stamp| stamp.offset), Some(39));
}

#[test]
fn the_largest_timestamp_need_not_be_the_last() {
    let mut fixture = Fixture::new(&[]);
    for timestamps in [[5, 6], [90, 7], [8, 9]] {
        fixture.append(&BatchBuilder::values(["a", "b"]).timestamps(timestamps).build()).unwrap();
    }
    let newest = fixture.log.view().find_newest().unwrap();
    assert_eq!(newest, Some(Stamp { offset: 2, timestamp: 90 }));
    let first = fixture.log.view().find_timestamp(8).unwrap();
    assert_eq!(first, Some(Stamp { offset: 2, timestamp: 90 }));
}

#[test]
fn segments_older_than_the_retention_go_whole() {
    let mut fixture = Fixture::new(&[("segment.ms", "100"), ("retention.ms", "1000")]);
    for n in 0..4_i64 {
        let batch = BatchBuilder::values(["v"]).timestamps([n * 200]).build();
        fixture.append_at(&batch, n * 200).unwrap();
    }
    assert_eq!(fixture.segments(), [0, 1, 2, 3]);
    fixture.log.enforce_retention(1_200).unwrap();
    assert_eq!(fixture.log.view().ends(), Ends { start: 1, end: 4 });
    fixture.log.enforce_retention(9_000).unwrap();
    assert_eq!(fixture.log.view().ends(), Ends { start: 4, end: 4 });
    let fixture = fixture.reopen();
    assert_eq!(fixture.log.view().ends(), Ends { start: 4, end: 4 }, "offsets never start again");
}

#[test]
fn retention_by_size_keeps_at_least_that_much() {
    let mut fixture = Fixture::new(&[("segment.bytes", "200"), ("retention.bytes", "400")]);
    for _ in 0..20 {
        fixture.append(&two("v")).unwrap();
    }
    fixture.log.enforce_retention(0).unwrap();
    let kept = fixture.log.view().size_bytes();
    assert!((400..=600).contains(&kept), "{kept} bytes");
}

#[test]
fn a_batch_over_the_limits_is_refused() {
    let mut fixture = Fixture::new(&[("max.message.bytes", "100"), ("segment.bytes", "80")]);
    let of = |bytes: usize| BatchBuilder::values([&"x".repeat(bytes)]).build();
    assert_eq!(fixture.append(&of(100)), Err(ResponseError::MessageTooLarge));
    assert_eq!(fixture.append(&of(20)), Err(ResponseError::RecordListTooLarge));
    assert!(fixture.append(&of(5)).is_ok());
}

proptest! {
    /// Whatever a crash, or anything else, leaves in the file: the log opens, and takes records.
    #[test]
    fn any_file_is_recovered_to_whole_batches(
        garbage in prop::collection::vec(any::<u8>(), 0..400), keep in 0..300_usize,
    ) {
        let mut fixture = Fixture::new(&[]);
        fixture.append(&two("a")).unwrap();
        fixture.append(&two("b")).unwrap();
        let mut bytes = fs::read(path(&fixture)).unwrap();
        bytes.truncate(keep);
        bytes.extend(garbage);
        fs::write(path(&fixture), bytes).unwrap();
        fixture = fixture.reopen();
        let end = fixture.log.view().ends().end;
        prop_assert!([0, 2, 4].contains(&end));
        prop_assert_eq!(fixture.append(&two("c")).unwrap().base_offset, end);
        prop_assert_eq!(fixture.reopen().log.view().ends().end, end + 2);
    }
}

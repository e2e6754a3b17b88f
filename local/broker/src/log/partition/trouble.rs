//! A log whose disk is full, forbidden, out of handles or does not sync: what was acknowledged
//! stays, what was refused leaves no trace, and the log goes on when the trouble is over.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::batch::fixture::BatchBuilder;
use crate::log::disk::failing::{FailingDisk, Trouble};
use crate::log::view::Found;

struct Fixture {
    directory: TempDir,
    disk: Arc<FailingDisk>,
    log: PartitionLog,
    fsync: bool,
}

impl Fixture {
    fn new(segment_bytes: u64, fsync: bool) -> Self {
        let directory = TempDir::new().unwrap();
        let disk = Arc::new(FailingDisk::new());
        let log = open(&directory, segment_bytes, disk.storage(fsync));
        Self { directory, disk, log, fsync }
    }

    /// Sends a batch of one record from an idempotent producer.
    fn send(&mut self, sequence: i32) -> Result<i64, ResponseError> {
        let batch = BatchBuilder::values([&sequence.to_string()]).idempotent(7, 0, sequence);
        let batch = batch.build();
        if self.log.must_roll(&batch, 0) {
            self.log.roll().map_err(|_error| ResponseError::KafkaStorageError)?;
        }
        let appended = self.log.stage(&batch, 0)?;
        self.log.commit(0).map_err(|_error| ResponseError::KafkaStorageError)?;
        Ok(appended.base_offset)
    }

    fn crash(&mut self) {
        let segment_bytes = self.log.settings.segment_bytes;
        self.log = open(&self.directory, segment_bytes, self.disk.storage(self.fsync));
    }

    /// Every offset can be found, and the end is this one.
    fn check(&self, end: i64) {
        let view = self.log.view();
        assert_eq!(view.ends().end, end);
        for offset in 0..end {
            assert!(matches!(view.find(offset).unwrap(), Found::Batches(_)), "offset {offset}");
        }
    }
}

fn open(directory: &TempDir, segment_bytes: u64, storage: Storage) -> PartitionLog {
    let configs = [("segment.bytes", segment_bytes.to_string()), ("retention.ms", "-1".to_owned())];
    let configs = configs.map(|(name, value)| (name.to_owned(), value));
    let settings = LogSettings::from_configs(&configs.into()).unwrap();
    PartitionLog::open(directory.path().to_owned(), settings, storage, 0).unwrap()
}

#[test]
fn a_disk_that_fills_up_at_any_byte_loses_nothing_acknowledged_and_the_log_goes_on() {
    for room in (0..900).step_by(3) {
        let mut fixture = Fixture::new(300, false);
        fixture.disk.set(Trouble::Room(room));
        let mut acknowledged = 0;
        while fixture.send(acknowledged).is_ok() {
            acknowledged += 1;
        }
        fixture.check(i64::from(acknowledged));
        fixture.disk.set(Trouble::None);
        if room % 2 == 0 {
            fixture.crash();
        }
        // The producer sends what was refused again: it is no repeat, for it is not in the log.
        for sequence in acknowledged..acknowledged + 5 {
            assert_eq!(fixture.send(sequence), Ok(i64::from(sequence)), "room for {room}");
        }
        fixture.crash();
        fixture.check(i64::from(acknowledged) + 5);
    }
}

#[test]
fn forbidden_writes_missing_handles_and_failed_syncs_are_refused_and_over_when_they_are_over() {
    for trouble in [Trouble::Permission, Trouble::Handles, Trouble::Sync] {
        let mut fixture = Fixture::new(100, true);
        assert_eq!(fixture.send(0), Ok(0));
        fixture.disk.set(trouble);
        assert_eq!(fixture.send(1), Err(ResponseError::KafkaStorageError), "{trouble:?}");
        assert_eq!(fixture.send(1), Err(ResponseError::KafkaStorageError), "{trouble:?}");
        fixture.check(1);
        fixture.disk.set(Trouble::None);
        assert_eq!(fixture.send(1), Ok(1), "{trouble:?}");
        fixture.crash();
        fixture.check(2);
    }
}

#[test]
fn a_failed_write_that_could_not_be_cut_is_no_part_of_a_closed_segment() {
    let mut fixture = Fixture::new(1_000, true);
    assert_eq!(fixture.send(0), Ok(0));
    fixture.disk.set(Trouble::Stuck);
    assert_eq!(fixture.send(1), Err(ResponseError::KafkaStorageError));
    assert!(fixture.log.roll().is_err());
    fixture.disk.set(Trouble::None);
    fixture.log.roll().unwrap();
    assert_eq!(fixture.send(1), Ok(1));
    let size_bytes = fixture.log.view().size_bytes();
    fixture.crash();
    fixture.check(2);
    assert_eq!(fixture.log.view().size_bytes(), size_bytes);
}

#[test]
fn what_counts_after_a_start_and_what_was_deleted_are_on_the_medium_where_that_is_asked_for() {
    let mut fixture = Fixture::new(1_000, true);
    fixture.send(0).unwrap();
    fixture.disk.set(Trouble::Sync);
    assert_eq!(fixture.log.delete_before(1), Err(ResponseError::KafkaStorageError));
    let (path, storage) = (fixture.directory.path().to_owned(), fixture.disk.storage(true));
    let settings = fixture.log.settings.clone();
    assert!(PartitionLog::open(path, settings, storage, 0).is_err());
}

#[test]
fn a_first_offset_that_cannot_be_kept_does_not_move() {
    let mut fixture = Fixture::new(100, false);
    for sequence in 0..5 {
        fixture.send(sequence).unwrap();
    }
    fixture.disk.set(Trouble::Room(0));
    assert_eq!(fixture.log.delete_before(3), Err(ResponseError::KafkaStorageError));
    fixture.check(5);
    fixture.disk.set(Trouble::None);
    assert_eq!(fixture.log.delete_before(3), Ok(3));
    fixture.crash();
    assert_eq!(fixture.log.view().ends().start, 3);
}

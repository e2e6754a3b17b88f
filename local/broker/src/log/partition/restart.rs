//! What a log reads when it is opened again: no more than what follows its recovery point, and the
//! same log comes out whichever way it was read.

use std::fs;

use super::tests::{Fixture, two};
use super::*;
use crate::batch::fixture::BatchBuilder;
use crate::clock;
use crate::log::index::{self, OffsetEntry, TimeEntry};
use crate::log::view::{Ends, Found, unreadable};

fn filled() -> Fixture {
    let mut fixture = Fixture::new(&[("segment.bytes", "20000"), ("retention.ms", "-1")]);
    for n in 0..1_000_i32 {
        let times = [i64::from(n) * 10, i64::from(n) * 10 + 5];
        let batch = BatchBuilder::values(["a", "b"]).timestamps(times).idempotent(1, 0, n * 2);
        fixture.append(&batch.build()).unwrap();
    }
    fixture
}

/// Everything that can be asked of the log.
fn answers(fixture: &Fixture) -> Vec<(Option<i64>, Option<i64>)> {
    let view = fixture.log.view();
    let by_time = |at| view.find_timestamp(at).unwrap().map(|stamp| stamp.offset);
    (0..2_000).map(|n| (fixture.first_at(n), by_time(n * 5))).collect()
}

fn scanned(fixture: &Fixture) -> u64 {
    let path = fixture.directory.path();
    recovery::recover(&Storage::new(false), &path.into(), 0).unwrap().scanned_bytes
}

#[test]
fn a_log_put_away_is_not_read_again() {
    let mut fixture = filled();
    fixture.log.put_away();
    assert_eq!(scanned(&fixture), 0);
    let before = answers(&fixture);
    let mut fixture = fixture.reopen();
    assert_eq!(answers(&fixture), before);
    let repeat = BatchBuilder::values(["a", "b"]).timestamps([9_990, 9_995]);
    let repeat = repeat.idempotent(1, 0, 1_998).build();
    assert_eq!(fixture.append(&repeat).unwrap().base_offset, 1_998, "a repeat");
}

#[test]
fn a_log_that_was_killed_is_read_from_its_last_roll_on() {
    let fixture = filled();
    let total = fixture.log.view().size_bytes();
    let scanned = scanned(&fixture);
    assert!(0 < scanned && scanned <= 20_000, "{scanned} of {total} bytes");
}

#[test]
fn lost_indexes_and_a_lost_recovery_point_are_made_again() {
    let fixture = filled();
    let before = answers(&fixture);
    let ends = fixture.log.view().ends();
    for entry in fs::read_dir(fixture.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log") {
            fs::remove_file(path).unwrap();
        }
    }
    let fixture = fixture.reopen();
    assert_eq!(fixture.log.view().ends(), ends);
    assert_eq!(answers(&fixture), before);
    assert_eq!(answers(&fixture.reopen()), before);
}

#[test]
fn a_recovery_point_of_a_longer_file_is_not_believed() {
    let mut fixture = Fixture::new(&[]);
    let size = two("a").len();
    for _ in 0..3 {
        fixture.append(&two("a")).unwrap();
    }
    fixture.log.put_away();
    let path = segment::path_of(fixture.directory.path(), 0);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..2 * size + 7]).unwrap();
    let mut fixture = fixture.reopen();
    assert_eq!(fixture.log.view().ends(), Ends { start: 0, end: 4 });
    // Nor once the file is longer again, by other batches.
    for _ in 0..3 {
        fixture.append(&two("longer than those before")).unwrap();
    }
    let fixture = fixture.reopen();
    assert_eq!(fixture.log.view().ends(), Ends { start: 0, end: 10 });
    assert_eq!(fixture.first_at(9), Some(8));
}

#[test]
fn deleted_records_stay_deleted_and_free_whole_segments() {
    let mut fixture = filled();
    let segments = fixture.segments();
    let middle = segments[2] + 1;
    assert_eq!(fixture.log.delete_before(middle), Ok(middle));
    assert_eq!(fixture.segments(), segments[2..]);
    assert_eq!(fixture.log.delete_before(5), Ok(middle), "never back");
    assert_eq!(fixture.log.delete_before(2_001), Err(ResponseError::OffsetOutOfRange));
    let mut fixture = fixture.reopen();
    assert_eq!(fixture.log.view().ends(), Ends { start: middle, end: 2_000 });
    assert_eq!(fixture.first_at(middle - 1), None);
    assert_eq!(fixture.first_at(middle), Some(middle - 1), "the batch that holds it");
    let first = fixture.log.view().find_timestamp(0).unwrap();
    assert_eq!(first.map(|stamp| stamp.offset), Some(middle));
    assert_eq!(fixture.log.delete_before(2_000), Ok(2_000));
    assert_eq!(fixture.append(&two("next")).unwrap().base_offset, 2_000);
}

#[test]
fn a_segment_ends_before_its_relative_offsets_overflow() {
    let mut fixture = Fixture::new(&[]);
    fixture.append(&two("a")).unwrap();
    let place = *fixture.log.active.place();
    assert!(!fixture.log.must_roll(&two("b"), 0));
    let far = segment::Place { next_offset: i64::from(i32::MAX), ..place };
    let directory = Arc::clone(&fixture.log.directory);
    let disk = Arc::clone(&fixture.log.storage.disk);
    fixture.log.active = Segment::resume(&*disk, &directory, 0, far).unwrap();
    assert!(fixture.log.must_roll(&two("b"), 0));
}

#[test]
fn a_segment_that_a_failed_roll_left_behind_hides_nothing() {
    let mut fixture = Fixture::new(&[]);
    fixture.append(&two("a")).unwrap();
    fs::write(segment::path_of(fixture.directory.path(), 2), []).unwrap();
    fixture.append(&two("b")).unwrap();
    fixture = fixture.reopen();
    assert_eq!(fixture.log.view().ends(), Ends { start: 0, end: 4 }, "as the last segment");
    fs::write(segment::path_of(fixture.directory.path(), 4), []).unwrap();
    fixture.append(&two("c")).unwrap();
    fixture.log.roll().unwrap();
    fixture.append(&two("d")).unwrap();
    fixture = fixture.reopen();
    assert_eq!(fixture.segments(), [0, 6]);
    for offset in 0..8 {
        assert_eq!(fixture.first_at(offset), Some(offset - offset % 2), "between two others");
    }
}

#[test]
fn deleted_records_stay_deleted_where_the_recovery_point_does_not_fit() {
    let mut fixture = filled();
    let middle = fixture.segments()[2] + 1;
    fixture.log.delete_before(middle).unwrap();
    fixture.log.put_away();
    for base in fixture.segments() {
        fs::remove_file(index::path_of::<OffsetEntry>(fixture.directory.path(), base)).unwrap();
    }
    let fixture = fixture.reopen();
    assert_eq!(fixture.log.view().ends(), Ends { start: middle, end: 2_000 });
}

#[test]
fn records_without_a_time_are_not_old_because_of_a_restart() {
    let mut fixture = Fixture::new(&[]);
    fixture.append(&BatchBuilder::values(["a"]).timestamps([-1]).build()).unwrap();
    let mut fixture = fixture.reopen();
    fixture.log.enforce_retention(clock::now_ms()).unwrap();
    assert_eq!(fixture.log.view().ends(), Ends { start: 0, end: 1 });
}

#[test]
fn a_batch_whose_offsets_belong_to_no_segment_is_cut() {
    for offset in [i64::MAX, i64::from(i32::MAX) + 1, -7] {
        let mut fixture = Fixture::new(&[]);
        fixture.append(&two("a")).unwrap();
        let path = segment::path_of(fixture.directory.path(), 0);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(&offset.to_be_bytes());
        bytes.extend_from_slice(&two("b")[8..]);
        fs::write(&path, bytes).unwrap();
        assert_eq!(fixture.reopen().log.view().ends(), Ends { start: 0, end: 2 }, "{offset}");
    }
}

#[test]
fn an_index_of_zeros_as_a_power_cut_leaves_it_is_not_believed() {
    let mut fixture = filled();
    fixture.log.put_away();
    let before = answers(&fixture);
    for base in fixture.segments() {
        let path = index::path_of::<TimeEntry>(fixture.directory.path(), base);
        let length = fs::read(&path).unwrap().len();
        fs::write(&path, vec![0; length]).unwrap();
    }
    assert_eq!(answers(&fixture.reopen()), before);
}

#[test]
fn damage_in_a_closed_segment_is_an_error_and_passes_over_nothing() {
    let fixture = filled();
    let (first, second) = (fixture.segments()[0], fixture.segments()[1]);
    let path = segment::path_of(fixture.directory.path(), first);
    let whole = fs::read(&path).unwrap();
    let size = BatchHeader::parse(&whole).unwrap().size_bytes;
    // Zeros, as a bad block leaves them; a batch that ends behind the segment; another format.
    let middle = whole.len() / size / 2 * size;
    for (at, bytes) in [(middle, &[0; 200][..]), (middle + 8, &[0x0f; 4]), (middle + 16, &[1])] {
        let mut damaged = whole.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(&path, damaged).unwrap();
        let view = fixture.log.view();
        let mut errors = 0;
        for offset in 0..second {
            match view.find(offset) {
                Ok(Found::Batches(_)) => {
                    assert_eq!(fixture.first_at(offset), Some(offset - offset % 2));
                }
                Ok(found) => panic!("{offset} is {found:?}"),
                Err(error) => {
                    assert_eq!(unreadable(&error), ResponseError::CorruptMessage);
                    errors += 1;
                }
            }
        }
        assert!(errors > 0);
        assert_eq!(fixture.first_at(second), Some(second), "the next segment is whole");
        assert!(view.find_timestamp((second - 1) * 5).is_ok(), "an index leads past it");
    }
    assert_eq!(unreadable(&io::Error::other("x")), ResponseError::KafkaStorageError);
}

#[test]
fn a_hole_from_a_power_cut_is_found_though_the_recovery_point_lies_behind_it() {
    let mut fixture = filled();
    fixture.log.put_away();
    let ends = fixture.log.view().ends();
    let base = *segment::list(fixture.directory.path()).unwrap().last().unwrap();
    let path = segment::path_of(fixture.directory.path(), base);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 200].fill(0);
    fs::write(&path, bytes).unwrap();
    let open = |storage| {
        let settings = LogSettings::from_configs(&[].into()).unwrap();
        let directory = fixture.directory.path().to_owned();
        PartitionLog::open(directory, settings, storage, 0).unwrap().view().ends()
    };
    assert_eq!(open(Storage::new(false)), ends, "the same boot believes its recovery point");
    let found = open(Storage::new(false).after_boot());
    assert!(base < found.end && found.end < ends.end, "{found:?} of {ends:?} from {base}");
    assert_eq!(open(Storage::new(false)), found, "what was found is what there is");
}

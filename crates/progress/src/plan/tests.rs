//! The plan as a table: fence, chunks and slice in, units out.

use super::*;
use crate::offsets::Offsets;

fn entries(offsets: impl IntoIterator<Item = i64>) -> Vec<Entry> {
    offsets.into_iter().map(|offset| Entry { offset, checksum: sum(offset) }).collect()
}

fn sum(offset: i64) -> u32 {
    u32::try_from(offset % 1_000).unwrap()
}

fn chunk(offsets: &[i64]) -> Chunk {
    Chunk {
        offsets: offsets.iter().copied().collect(),
        checksums: offsets.iter().copied().map(sum).collect(),
        failed: std::collections::BTreeMap::new(),
        skipped: Offsets::default(),
        applied_at_ms: 0,
        blocks: Vec::new(),
        late: false,
        version: 1,
        expires_at: 0,
    }
}

fn fence(next: i64) -> Fence {
    Fence { next, ..Fence::default() }
}

#[track_caller]
fn check(next: i64, chunks: &[Chunk], offsets: &[i64], expected: &[i64]) {
    let entries = entries(offsets.iter().copied());
    let indexes = uncovered(&fence(next), chunks, &entries).unwrap();
    let found: Vec<i64> = indexes.iter().map(|index| entries[*index].offset).collect();
    assert_eq!(found, expected);
}

/// The units of a slice as (is it late, offsets).
fn units(next: i64, offsets: &[i64], records_max: usize) -> Vec<(bool, Vec<i64>)> {
    let entries = entries(offsets.iter().copied());
    let all: Vec<usize> = (0..entries.len()).collect();
    cut(&fence(next), &entries, &all, records_max)
        .into_iter()
        .map(|unit| {
            let offsets = unit.indexes.iter().map(|index| entries[*index].offset).collect();
            (matches!(unit.attempt, Attempt::Late(_)), offsets)
        })
        .collect()
}

#[test]
fn a_new_slice_is_applied_whole() {
    check(0, &[], &[0, 1, 2], &[0, 1, 2]);
    check(5, &[chunk(&[3, 4])], &[5, 7], &[5, 7]);
}

#[test]
fn what_a_chunk_covers_is_left_out_and_the_rest_is_applied() {
    check(10, &[chunk(&[0, 1, 2, 8, 9])], &[1, 2, 3, 9, 10], &[3, 10]);
    check(10, &[chunk(&[0, 9]), chunk(&[4])], &[0, 4, 5, 9], &[5]);
}

#[test]
fn another_record_at_a_covered_offset_is_an_error_that_names_the_remedy() {
    let slice = [Entry { offset: 1, checksum: 77 }];
    let error = uncovered(&fence(3), &[chunk(&[0, 1, 2])], &slice).unwrap_err();
    assert_eq!(error, PlanError::StreamChanged { offset: 1 });
    assert!(error.to_string().contains("raise its epoch by one"));
}

#[test]
fn late_records_and_those_on_time_go_into_transactions_of_their_own() {
    assert_eq!(units(5, &[2, 3, 5, 6], 100), [(true, vec![2, 3]), (false, vec![5, 6])]);
}

#[test]
fn a_transaction_has_a_bounded_number_of_records() {
    assert_eq!(units(0, &[0, 1, 2], 2), [(false, vec![0, 1]), (false, vec![2])]);
    let many: Vec<i64> = (0..2_500).collect();
    let sizes: Vec<usize> = units(0, &many, usize::MAX).iter().map(|unit| unit.1.len()).collect();
    assert_eq!(sizes, [RECORDS_MAX, RECORDS_MAX, 500]);
}

#[test]
fn a_chunk_spans_a_bounded_run_of_offsets() {
    let offsets = [0, SPAN_MAX - 1, SPAN_MAX];
    assert_eq!(units(0, &offsets, 100), [(false, vec![0, SPAN_MAX - 1]), (false, vec![SPAN_MAX])]);
}

#[test]
fn one_record_at_a_time_when_asked() {
    assert_eq!(units(0, &[0, 1], 1), [(false, vec![0]), (false, vec![1])]);
}

//! What holds for every input: order, and no panic.

use std::collections::BTreeMap;

use kafka_batch::Batch;
use proptest::{collection, prelude::*};

/// Partitions with offsets in any order, as JSON and as the truth.
fn events() -> impl Strategy<Value = (String, BTreeMap<i32, Vec<i64>>)> {
    let offsets = collection::btree_set(0..1_000_i64, 1..20)
        .prop_map(|offsets| offsets.into_iter().collect::<Vec<_>>())
        .prop_shuffle();
    collection::vec((0..12_i32, offsets), 0..6).prop_map(|parts| {
        let parts: BTreeMap<i32, Vec<i64>> = parts.into_iter().collect();
        let members: Vec<String> = parts
            .iter()
            .rev()
            .map(|(partition, offsets)| {
                let records: Vec<String> = offsets
                    .iter()
                    .map(|offset| {
                        format!(r#"{{"topic":"a-1","partition":{partition},"offset":{offset},"timestamp":0,"value":"e30="}}"#)
                    })
                    .collect();
                format!(r#""a-1-{partition}":[{}]"#, records.join(","))
            })
            .collect();
        (format!(r#"{{"eventSource":"aws:kafka","records":{{{}}}}}"#, members.join(",")), parts)
    })
}

proptest! {
    #[test]
    fn keeps_every_record_and_puts_it_in_order((json, mut parts) in events()) {
        let batch = Batch::parse(json.as_bytes()).unwrap();
        let found: Vec<(i32, Vec<i64>)> = batch
            .slices()
            .iter()
            .map(|slice| (slice.partition, slice.records.iter().map(|record| record.offset).collect()))
            .collect();
        for offsets in parts.values_mut() {
            offsets.sort_unstable();
        }
        prop_assert_eq!(found, parts.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn header_bytes_are_the_same_however_they_are_written(
        bytes in collection::vec(any::<u8>(), 0..40), comma in "( ?|\n),( ?)", signed in any::<bool>(),
    ) {
        let number = |byte: &u8| if signed { byte.cast_signed().to_string() } else { byte.to_string() };
        let list = bytes.iter().map(number).collect::<Vec<_>>().join(&comma);
        let json = format!(
            r#"{{"records":{{"t-0":[{{"partition":0,"offset":9,"headers":[{{"h":[{list}]}}]}}]}}}}"#
        );
        let batch = Batch::parse(json.as_bytes()).unwrap();
        prop_assert_eq!(&batch.slices()[0].records[0].headers[0].value, &bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in collection::vec(any::<u8>(), 0..200)) {
        drop(Batch::parse(&bytes));
    }

    #[test]
    fn a_damaged_event_never_panics((json, _) in events(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = json.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        drop(Batch::parse(&bytes));
    }
}

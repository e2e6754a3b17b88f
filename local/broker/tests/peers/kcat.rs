//! kcat: list, produce, consume, query, and consume in a group.

use crate::script::same;

#[test]
fn lists_brokers_and_topics() {
    same(|run| {
        run.kcat("-L");
        run.kafka("topics --create --topic orders --partitions 3");
        run.kcat("-L");
        run.kcat("-L -J");
        run.kcat("-L -t orders");
        run.kcat("-L -t absent");
    });
}

#[test]
fn writes_and_reads_keys_headers_and_tombstones() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 2");
        run.kcat("-P -t orders -K : -H trace=1 -H empty= -H none")
            .input("k1:one\nk2:two\nk3:three\n");
        run.kcat("-P -t orders -K : -Z").input("k1:\n");
        run.kcat("-P -t orders -p 1 -z lz4").input("alone\n");
        let format = r"-f partition=%p|offset=%o|key=%k|length=%S|value=%s|headers=%h\n";
        run.kcat(&format!("-C -t orders -o beginning -e -q {format}")).sorted();
        run.kcat(&format!("-C -t orders -p 0 -o -1 -e {format}"));
        run.kcat("-C -t orders -p 0 -o beginning -c 1 -J");
        run.kcat("-C -t absent -e");
    });
}

#[test]
fn the_murmur_partitioner_puts_keys_where_kafkas_producer_does() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 4");
        run.kcat("-P -t orders -K : -X partitioner=murmur2_random")
            .input("k1:a\nk2:b\nk3:c\nk4:d\n");
        run.kafka(
            "console-producer --topic orders --property parse.key=true --property key.separator=:",
        )
        .input("k1:A\nk2:B\nk3:C\nk4:D\n");
        run.kcat(r"-C -t orders -o beginning -e -q -f %k=%p,%s\n").sorted();
    });
}

#[test]
fn offsets_are_found_by_time() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kcat("-P -t orders -p 0").input("one\ntwo\n");
        for time in ["-1", "-2", "0", "4102444800000"] {
            run.kcat(&format!("-Q -t orders:0:{time}"));
        }
        run.kcat("-Q -t orders:7:-1");
        run.kcat("-Q -t absent:0:-1");
    });
}

#[test]
fn a_group_takes_all_partitions_and_commits() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 2");
        run.kcat("-P -t orders -p 0").input("one\ntwo\n");
        run.kcat("-P -t orders -p 1").input("three\n");
        run.kcat("-G shop -c 3 -X auto.offset.reset=earliest orders").sorted();
        run.kcat("-P -t orders -p 1").input("four\n");
        run.kcat("-G shop -c 1 -X auto.offset.reset=earliest orders").sorted();
        run.kafka("consumer-groups --describe --group shop");
    });
}

#[test]
fn refuses_an_offset_beyond_the_log_as_its_reader_asked() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kcat("-P -t orders -p 0").input("one\n");
        run.kcat("-C -t orders -p 0 -o 100 -e -X auto.offset.reset=earliest");
        run.kcat("-C -t orders -p 0 -o 100 -e -X auto.offset.reset=error");
    });
}

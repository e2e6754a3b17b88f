//! `kafka-console-producer` and `kafka-console-consumer`.

use crate::script::same;

#[test]
fn lines_written_are_read_from_the_beginning() {
    same(|run| {
        run.kafka("topics --create --topic order-events --partitions 1");
        run.kafka("console-producer --topic order-events").input("one\ntwo\n\nfour\n");
        run.kafka("console-consumer --topic order-events --from-beginning --max-messages 4");
        run.kafka(
            "console-consumer --topic order-events --partition 0 --offset 2 --max-messages 2",
        );
        run.kafka("get-offsets --topic order-events");
    });
}

#[test]
fn keys_headers_and_tombstones_come_back() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kafka(
            "console-producer --topic orders --property parse.key=true --property key.separator=: \
             --property parse.headers=true --property null.marker=NULL",
        )
        .input("h1:v1,h2:v2\tk1:one\nh1:v1\tk2:NULL\nh1:v1\tNULL:three\nh1:v1\tk4:four\n");
        run.kafka(
            "console-consumer --topic orders --from-beginning --max-messages 4 --property print.key=true \
             --property print.headers=true --property print.partition=true --property print.offset=true \
             --property print.timestamp=true",
        );
    });
}

#[test]
fn every_compression_is_stored_and_read() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        for codec in ["gzip", "snappy", "lz4", "zstd"] {
            let call = format!("console-producer --topic orders --compression-codec {codec}");
            run.kafka(&call).input("one\ntwo\n");
        }
        run.kafka("console-consumer --topic orders --from-beginning --max-messages 8");
        run.kcat("-C -t orders -o beginning -e -q");
    });
}

#[test]
fn a_group_reads_on_where_it_stopped() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kcat("-P -t orders -p 0").input("one\ntwo\nthree\n");
        run.kafka("console-consumer --topic orders --group shop --from-beginning --max-messages 2");
        run.kafka("console-consumer --topic orders --group shop --max-messages 1");
        run.kafka("consumer-groups --describe --group shop");
    });
}

#[test]
fn a_consumer_without_records_gives_up_in_the_time_it_was_given() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 2");
        run.kafka("console-consumer --topic orders --from-beginning --timeout-ms 500");
    });
}

#[test]
fn a_record_too_large_is_refused() {
    same(|run| {
        run.kafka("topics --create --topic small --partitions 1 --config max.message.bytes=100");
        run.kafka("console-producer --topic small --sync").input(&"x".repeat(200));
        run.kafka("get-offsets --topic small");
    });
}

//! `kafka-configs`: describe and alter.

use crate::script::same;

#[test]
fn a_topics_configs_are_altered_and_described() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kafka("configs --describe --topic orders");
        run.kafka(
            "configs --alter --topic orders --add-config retention.ms=60000,segment.bytes=1048576",
        );
        run.kafka("configs --describe --entity-type topics --entity-name orders");
        run.kafka("topics --describe --topic orders");
        run.kafka("configs --alter --topic orders --delete-config retention.ms");
        run.kafka("configs --describe --topic orders");
        run.kafka("configs --describe --entity-type topics");
    });
}

#[test]
fn refuses_configs_that_cannot_be_with_kafkas_words() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kafka("configs --alter --topic orders --add-config retention.ms=soon");
        run.kafka("configs --alter --topic orders --add-config max.message.bytes=2147483648");
        run.kafka(
            "configs --alter --topic orders --add-config min.insync.replicas=0,preallocate=maybe",
        );
        run.kafka("configs --alter --topic orders --add-config min.cleanable.dirty.ratio=2");
        run.kafka("configs --alter --topic orders --add-config no.such.config=1");
        run.kafka("configs --alter --topic orders --delete-config no.such.config");
        run.kafka("configs --alter --topic absent --add-config retention.ms=1");
        run.kafka("configs --describe --topic absent");
        run.kafka("configs --describe --topic orders");
    });
}

#[test]
fn all_configs_of_a_topic_have_kafkas_values() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kafka("configs --describe --topic orders --all");
    });
}

#[test]
fn the_brokers_configs_are_described() {
    same(|run| {
        run.kafka("configs --describe --entity-type brokers --entity-name 1");
        run.kafka("configs --describe --entity-type brokers");
    });
}

//! `kafka-topics`: list, create, describe, alter, delete.

use crate::script::same;

#[test]
fn topics_are_made_listed_described_and_deleted() {
    same(|run| {
        run.kafka("topics --list").differs(
            "where there is no topic the tool prints an empty line; Kafka has its own topic of offsets",
            "",
            "\n",
        );
        run.kafka("topics --list --exclude-internal");
        run.kafka("topics --create --topic order-events --partitions 3 --replication-factor 1");
        run.kafka("topics --create --topic inventory-events");
        run.kafka("topics --list");
        run.kafka("topics --describe --topic order-events");
        run.kafka("topics --describe");
        run.kafka("topics --describe --under-replicated-partitions");
        run.kafka("topics --delete --topic order-events");
        run.kafka("topics --list --exclude-internal");
    });
}

#[test]
fn a_topic_takes_configs_when_it_is_made() {
    same(|run| {
        run.kafka("topics --create --topic short --config retention.ms=60000 --config segment.bytes=1048576");
        run.kafka("topics --describe --topic short");
        run.kafka("topics --describe --topics-with-overrides");
        run.kafka("topics --create --topic wrong --config retention.ms=soon");
        run.kafka("topics --create --topic wrong --config no.such.config=1");
        run.kafka("topics --list");
    });
}

#[test]
fn a_topic_takes_more_partitions_and_never_fewer() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 2");
        run.kafka("topics --alter --topic orders --partitions 5");
        run.kafka("topics --describe --topic orders");
        run.kafka("topics --alter --topic orders --partitions 4");
        run.kafka("topics --alter --topic orders --partitions 5");
    });
}

#[test]
fn refuses_what_cannot_be_with_kafkas_words() {
    same(|run| {
        run.kafka("topics --create --topic orders");
        run.kafka("topics --create --topic orders");
        run.kafka("topics --create --topic orders --if-not-exists");
        run.kafka("topics --create --topic copies --replication-factor 3");
        run.kafka("topics --create --topic none --partitions 0");
        run.kafka("topics --create --topic not/a/name");
        run.kafka("topics --describe --topic absent");
        run.kafka("topics --delete --topic absent");
        run.kafka("topics --alter --topic absent --partitions 2");
    });
}

#[test]
fn a_topic_made_again_is_empty() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kcat("-P -t orders -p 0").input("one\ntwo\n");
        run.kafka("get-offsets --topic orders");
        run.kafka("topics --delete --topic orders");
        run.kafka("topics --create --topic orders --partitions 1");
        run.kafka("get-offsets --topic orders");
    });
}

#[test]
fn compaction_is_refused() {
    same(|run| {
        let refusal = "Invalid value compact for configuration cleanup.policy: compaction is not supported by this broker";
        run.kafka("topics --create --topic latest --config cleanup.policy=compact").differs(
            "there is no compaction here, and a topic that silently kept everything would be worse",
            "Created topic latest.\n",
            &format!(
                "Error while executing topic command : {refusal}\n\
                 ! ERROR org.apache.kafka.tools.TopicCommand \
                 org.apache.kafka.common.errors.InvalidConfigurationException: {refusal}\n! \nexit Some(1)\n"
            ),
        );
    });
}

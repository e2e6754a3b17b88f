"""Carries out calls with kafka-python 2 or 3: `kafka_python.py BOOTSTRAP`."""

from __future__ import annotations

import logging
import sys

import calls
from calls import Call, Groups, Member
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.structs import OffsetAndMetadata

logging.disable(logging.CRITICAL)


class Client(Groups):
    def __init__(self, bootstrap: str) -> None:
        super().__init__()
        self._common = {"bootstrap_servers": bootstrap, "request_timeout_ms": 15_000}
        self._admin = KafkaAdminClient(**self._common)
        self._is_3 = hasattr(self._admin, "list_groups")
        self.knows = ("instance",) if self._is_3 else ()

    def create(self, call: Call) -> str:
        topic = NewTopic(call.topic, call.number("partitions"), call.number("replication", 1), topic_configs=call.pairs("configs"))
        self._admin.create_topics([topic])
        return "done"

    def delete(self, call: Call) -> str:
        self._admin.delete_topics([call.topic])
        return "done"

    def topics(self, call: Call) -> str:
        return calls.prefixed(self._admin.list_topics(), call)

    def describe(self, call: Call) -> str:
        found = self._admin.describe_topics([call.topic])[0]
        # Version 3 names the fields as the protocol does.
        key = "partition_index" if self._is_3 else "partition"
        parts = [(one[key], one["leader_id" if self._is_3 else "leader"]) for one in found["partitions"]]
        return f"error {found['error_code']}; " + "; ".join(f"{n}: leader {leader}" for n, leader in sorted(parts))

    def grow(self, call: Call) -> str:
        self._admin.create_partitions({call.topic: NewPartitions(call.number("partitions"))})
        return "done"

    def configs(self, call: Call) -> str:
        wanted = dict.fromkeys(call.items("names"), "")
        resource = ConfigResource(ConfigResourceType.TOPIC, call.topic, wanted)
        if self._is_3:
            found = self._admin.describe_configs([resource], config_filter="all")["topic"][call.topic]
            return ", ".join(f"{name}={found[name]['value']}" for name in wanted)
        entries = self._admin.describe_configs([resource])[0].resources[0][4]
        found = {entry[0]: entry[1] for entry in entries}
        return ", ".join(f"{name}={found.get(name)}" for name in wanted)

    def configure(self, call: Call) -> str:
        self._admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, call.topic, call.pairs("set"))])
        return "done"

    def produce(self, call: Call) -> str:
        acks = call.text("acks", "all")
        settings = {"acks": acks if acks == "all" else int(acks), "linger_ms": 50, "max_block_ms": 3_000}
        settings["max_request_size"] = 16_000_000
        if call.text("compression"):
            settings["compression_type"] = call.text("compression")
        if call.text("idempotent") == "true":
            if not self._is_3:
                return calls.ABSENT
            settings["enable_idempotence"] = True
        elif self._is_3:
            settings["enable_idempotence"] = False
        producer = KafkaProducer(**self._common, **settings)
        try:
            sent = [self._send(producer, call, value) for value in call.values()]
            return ", ".join(str(one.get(10).offset) for one in sent)
        finally:
            producer.close(timeout=1)

    def _send(self, producer: KafkaProducer, call: Call, value: str):  # type: ignore[no-untyped-def]
        key = call.text("key")
        headers = [(name, text.encode()) for name, text in call.pairs("headers").items()]
        return producer.send(
            call.topic,
            value.encode(),
            key=key and key.encode(),
            headers=headers,
            partition=call.partition,
            timestamp_ms=call.number("time"),
        )

    def read(self, call: Call) -> str:
        settings = {"auto_offset_reset": "none", "enable_auto_commit": False}
        if self._is_3:
            settings["isolation_level"] = call.text("isolation", "read_uncommitted")
        consumer = KafkaConsumer(**self._common, **settings)
        try:
            place = TopicPartition(call.topic, call.partition)
            consumer.assign([place])
            consumer.seek(place, call.number("from"))
            seen: list[str] = []

            def look() -> str | None:
                for records in consumer.poll(100).values():
                    seen.extend(calls.shown(r.offset, r.key, r.value, r.headers, r.timestamp) for r in records)
                return ", ".join(seen[: call.number("count")]) if len(seen) >= call.number("count") else None

            return calls.until(look)
        finally:
            consumer.close()

    def offset(self, call: Call) -> str:
        at, place = call.text("at", "latest"), TopicPartition(call.topic, call.partition)
        if at == "newest":
            return calls.ABSENT
        consumer = KafkaConsumer(**self._common)
        try:
            if at == "earliest":
                return str(consumer.beginning_offsets([place])[place])
            if at == "latest":
                return str(consumer.end_offsets([place])[place])
            return str(consumer.offsets_for_times({place: int(at)})[place])
        finally:
            consumer.close()

    def truncate(self, call: Call) -> str:
        if not self._is_3:
            return calls.ABSENT
        place = TopicPartition(call.topic, call.partition)
        return f"from {self._admin.delete_records({place: call.number('before')})[place]['low_watermark']}"

    def commit(self, call: Call) -> str:
        consumer = KafkaConsumer(**self._common, group_id=call.group, enable_auto_commit=False)
        try:
            place = TopicPartition(call.topic, call.partition)
            consumer.assign([place])
            offset = (call.number("offset"), call.metadata())
            consumer.commit({place: OffsetAndMetadata(*offset, *[-1] * (len(OffsetAndMetadata._fields) - 2))})
            return "done"
        finally:
            consumer.close()

    def committed(self, call: Call) -> str:
        consumer = KafkaConsumer(**self._common, group_id=call.group, enable_auto_commit=False)
        try:
            found = consumer.committed(TopicPartition(call.topic, call.partition), metadata=True)
            return "nothing" if found is None else f"{found.offset} '{found.metadata}'"
        finally:
            consumer.close()

    def member(self, call: Call) -> Member:
        settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "heartbeat_interval_ms": 200}
        if call.text("instance"):
            settings["group_instance_id"] = call.text("instance")
        consumer = KafkaConsumer(call.topic, **self._common, group_id=call.group, **settings)

        def turn(consumer: KafkaConsumer) -> tuple[list[str], list[int]]:
            # Long enough for a join: with 50 ms, two of ten runs had not joined after 30 s, with either broker.
            polled = consumer.poll(500).values()
            taken = [f"{r.partition}/{r.offset}={r.value.decode()}" for records in polled for r in records]
            return taken, [place.partition for place in consumer.assignment()]

        return Member(consumer, turn, lambda consumer: consumer.commit())

    def groups(self, call: Call) -> str:
        if self._is_3:
            return calls.prefixed([group["group_id"] for group in self._admin.list_groups()], call)
        return calls.prefixed([name for name, _ in self._admin.list_consumer_groups()], call)

    def group(self, call: Call) -> str:
        if self._is_3:
            found = self._admin.describe_groups([call.group])[call.group]
            return f"{found['group_state']} '{found['protocol_data']}' {len(found['members'])} members"
        found = self._admin.describe_consumer_groups([call.group])[0]
        return f"{found.state} '{found.protocol}' {len(found.members)} members"

    def forget(self, call: Call) -> str:
        if self._is_3:
            return str(self._admin.delete_groups([call.group])[call.group])
        return self._admin.delete_consumer_groups([call.group])[0][1].__name__

    def forget_offset(self, call: Call) -> str:
        if not self._is_3:
            return calls.ABSENT
        place = TopicPartition(call.topic, call.partition)
        return str(self._admin.delete_group_offsets(call.group, [place])[place].__name__)

    def transact(self, call: Call) -> str:
        if not self._is_3:
            return calls.ABSENT
        producer = KafkaProducer(**self._common, transactional_id=call.text("id"), max_block_ms=5_000)
        try:
            producer.init_transactions()
            return "done"
        finally:
            producer.close(timeout=1)


calls.run(Client(sys.argv[1]))

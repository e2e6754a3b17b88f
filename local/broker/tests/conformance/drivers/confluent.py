"""Carries out calls with librdkafka, by its Python binding: `confluent.py BOOTSTRAP`."""

from __future__ import annotations

import sys

import calls
from calls import Call, Groups, Member
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition, admin


class Client(Groups):
    knows = ("assignor", "instance")

    def __init__(self, bootstrap: str) -> None:
        super().__init__()
        self._common = {"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.ms": 10}
        self._admin = admin.AdminClient(self._common)

    def create(self, call: Call) -> str:
        topic = admin.NewTopic(call.topic, call.number("partitions"), call.number("replication", 1), config=call.pairs("configs"))
        return _done(self._admin.create_topics([topic]))

    def delete(self, call: Call) -> str:
        return _done(self._admin.delete_topics([call.topic]))

    def topics(self, call: Call) -> str:
        return calls.prefixed(list(self._admin.list_topics(timeout=10).topics), call)

    def describe(self, call: Call) -> str:
        found = self._admin.list_topics(call.topic, timeout=10).topics[call.topic]
        if found.error:
            raise KafkaException(found.error)
        parts = [f"{n}: leader {one.leader} of {one.replicas} in sync {one.isrs}" for n, one in found.partitions.items()]
        return "; ".join(sorted(parts))

    def grow(self, call: Call) -> str:
        return _done(self._admin.create_partitions([admin.NewPartitions(call.topic, call.number("partitions"))]))

    def configs(self, call: Call) -> str:
        resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, call.topic)
        found = self._admin.describe_configs([resource])[resource].result(10)
        names = [name for name in call.items("names") if name in found]
        return ", ".join(f"{name}={found[name].value} (from {found[name].source})" for name in names)

    def configure(self, call: Call) -> str:
        if not hasattr(self._admin, "incremental_alter_configs"):
            return calls.ABSENT
        change = admin.AlterConfigOpType
        entries = [admin.ConfigEntry(name, value, incremental_operation=change.SET) for name, value in call.pairs("set").items()]
        entries += [admin.ConfigEntry(name, None, incremental_operation=change.DELETE) for name in call.items("delete")]
        resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, call.topic, incremental_configs=entries)
        return _done(self._admin.incremental_alter_configs([resource]))

    def produce(self, call: Call) -> str:
        settings = {"acks": call.text("acks", "all"), "enable.idempotence": call.text("idempotent", "false"), "linger.ms": 50}
        settings |= {"compression.type": call.text("compression", "none"), "message.max.bytes": 16_000_000}
        producer = Producer(self._common | settings | {"message.timeout.ms": 10_000, "topic.metadata.propagation.max.ms": 1_000})
        offsets: list[int] = []
        errors: list[Exception] = []

        def delivered(error, message) -> None:  # type: ignore[no-untyped-def]
            if error:
                errors.append(KafkaException(error))
            else:
                offsets.append(message.offset())

        place = {"partition": call.partition} if call.partition is not None else {}
        place |= {"timestamp": call.number("time")} if "time" in call else {}
        for value in call.values():
            headers = list(call.pairs("headers").items())
            producer.produce(call.topic, value, key=call.text("key"), headers=headers, on_delivery=delivered, **place)
        producer.flush(calls.LIMIT_S)
        if errors:
            raise errors[0]
        return ", ".join(map(str, offsets))

    def read(self, call: Call) -> str:
        settings = {"group.id": "reader", "auto.offset.reset": "error", "enable.auto.commit": False, "check.crcs": True}
        consumer = Consumer(self._common | settings | {"isolation.level": call.text("isolation", "read_uncommitted")})
        try:
            consumer.assign([TopicPartition(call.topic, call.partition, call.number("from"))])
            seen: list[str] = []

            def look() -> str | None:
                for one in consumer.consume(100, timeout=0.1):
                    if one.error():
                        raise KafkaException(one.error())
                    seen.append(calls.shown(one.offset(), one.key(), one.value(), one.headers(), one.timestamp()[1]))
                return ", ".join(seen[: call.number("count")]) if len(seen) >= call.number("count") else None

            return calls.until(look)
        finally:
            consumer.close()

    def offset(self, call: Call) -> str:
        at = call.text("at", "latest")
        if not hasattr(admin, "OffsetSpec"):
            return calls.ABSENT
        named = {"earliest": admin.OffsetSpec.earliest, "latest": admin.OffsetSpec.latest, "newest": admin.OffsetSpec.max_timestamp}
        spec = named[at]() if at in named else admin.OffsetSpec.for_timestamp(int(at))
        place = TopicPartition(call.topic, call.partition)
        found = self._admin.list_offsets({place: spec})[place].result(10)
        return f"{found.offset} @{found.timestamp} epoch {found.leader_epoch}"

    def truncate(self, call: Call) -> str:
        if not hasattr(self._admin, "delete_records"):
            return calls.ABSENT
        place = TopicPartition(call.topic, call.partition, call.number("before"))
        return f"from {self._admin.delete_records([place])[place].result(10).low_watermark}"

    def commit(self, call: Call) -> str:
        consumer = Consumer(self._common | {"group.id": call.group, "enable.auto.commit": False})
        try:
            offset = TopicPartition(call.topic, call.partition, call.number("offset"), metadata=call.metadata())
            for one in consumer.commit(offsets=[offset], asynchronous=False):
                if one.error:
                    raise KafkaException(one.error)
            return "done"
        finally:
            consumer.close()

    def committed(self, call: Call) -> str:
        consumer = Consumer(self._common | {"group.id": call.group})
        try:
            found = consumer.committed([TopicPartition(call.topic, call.partition)], timeout=10)[0]
            return "nothing" if found.offset < 0 else f"{found.offset} '{found.metadata or ''}'"
        finally:
            consumer.close()

    def member(self, call: Call) -> Member:
        settings = {"group.id": call.group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
        settings |= {"heartbeat.interval.ms": 200, "session.timeout.ms": 10_000}
        if "instance" in call:
            settings["group.instance.id"] = call.text("instance")
        if "assignor" in call:
            known = {"CooperativeStickyAssignor": "cooperative-sticky", "RoundRobinAssignor": "roundrobin"}
            settings["partition.assignment.strategy"] = known[call.text("assignor")]
        consumer = Consumer(self._common | settings)
        consumer.subscribe([call.topic])

        def turn(consumer: Consumer) -> tuple[list[str], list[int]]:
            taken = []
            for one in consumer.consume(100, timeout=0.05):
                if one.error():
                    raise KafkaException(one.error())
                taken.append(f"{one.partition()}/{one.offset()}={one.value().decode()}")
            return taken, [place.partition for place in consumer.assignment()]

        return Member(consumer, turn, lambda consumer: consumer.commit(asynchronous=False))

    def groups(self, call: Call) -> str:
        return calls.prefixed([group.id for group in self._admin.list_groups(timeout=10)], call)

    def group(self, call: Call) -> str:
        found = self._admin.list_groups(call.group, timeout=10)
        return "; ".join(f"{one.state} '{one.protocol}' {len(one.members)} members" for one in found)

    def forget(self, call: Call) -> str:
        if not hasattr(self._admin, "delete_consumer_groups"):
            return calls.ABSENT
        return _done(self._admin.delete_consumer_groups([call.group]))

    def transact(self, call: Call) -> str:
        producer = Producer(self._common | {"transactional.id": call.text("id")})
        producer.init_transactions(5)
        return "done"


def _done(futures: dict) -> str:  # type: ignore[type-arg]
    for future in futures.values():
        future.result(10)
    return "done"


calls.run(Client(sys.argv[1]))

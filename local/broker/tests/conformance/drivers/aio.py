"""Carries out calls with aiokafka: `aio.py BOOTSTRAP`."""

from __future__ import annotations

import asyncio
import logging
import sys

import calls
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code
from calls import Call

logging.disable(logging.CRITICAL)


class Member:
    """A consumer in a group, polled by a task."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer
        self.taken: list[str] = []
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            for records in (await self.consumer.getmany(timeout_ms=50)).values():
                self.taken += [f"{r.partition}/{r.offset}={r.value.decode()}" for r in records]

    @property
    def assigned(self) -> list[int]:
        return [place.partition for place in self.consumer.assignment()]

    async def leave(self) -> None:
        self._task.cancel()
        await self.consumer.stop()


class Client:
    def __init__(self, bootstrap: str) -> None:
        self._common = {"bootstrap_servers": bootstrap, "request_timeout_ms": 10_000}
        self._joined: dict[str, list[Member]] = {}
        self._admin: AIOKafkaAdminClient

    async def start(self) -> None:
        self._admin = AIOKafkaAdminClient(**self._common)
        await self._admin.start()

    async def create(self, call: Call) -> str:
        topic = NewTopic(call.topic, call.number("partitions"), call.number("replication", 1), topic_configs=call.pairs("configs"))
        return _checked((await self._admin.create_topics([topic])).topic_errors)

    async def delete(self, call: Call) -> str:
        return _checked((await self._admin.delete_topics([call.topic])).topic_error_codes)

    async def topics(self, call: Call) -> str:
        return calls.prefixed(await self._admin.list_topics(), call)

    async def describe(self, call: Call) -> str:
        found = (await self._admin.describe_topics([call.topic]))[0]
        parts = [f"{one['partition']}: leader {one['leader']} of {one['replicas']}" for one in found["partitions"]]
        return f"error {found['error_code']}; " + "; ".join(sorted(parts))

    async def grow(self, call: Call) -> str:
        grown = await self._admin.create_partitions({call.topic: NewPartitions(call.number("partitions"))})
        return _checked(grown.topic_errors)

    async def configs(self, call: Call) -> str:
        resource = ConfigResource(ConfigResourceType.TOPIC, call.topic, dict.fromkeys(call.items("names"), ""))
        entries = (await self._admin.describe_configs([resource]))[0].resources[0][4]
        found = {entry[0]: entry[1] for entry in entries}
        return ", ".join(f"{name}={found.get(name)}" for name in call.items("names"))

    async def configure(self, call: Call) -> str:
        resource = ConfigResource(ConfigResourceType.TOPIC, call.topic, call.pairs("set"))
        return _checked((await self._admin.alter_configs([resource]))[0].resources, at=0)

    async def produce(self, call: Call) -> str:
        acks = call.text("acks", "all")
        settings = {"acks": acks if acks == "all" else int(acks), "linger_ms": 50, "max_request_size": 16_000_000}
        settings["enable_idempotence"] = call.text("idempotent") == "true"
        producer = AIOKafkaProducer(**self._common, **settings, compression_type=call.text("compression"))
        await producer.start()
        try:
            key = call.text("key")
            headers = [(name, text.encode()) for name, text in call.pairs("headers").items()]
            place = {"partition": call.partition, "timestamp_ms": call.number("time"), "headers": headers}
            sent = [await producer.send(call.topic, value.encode(), key=key and key.encode(), **place) for value in call.values()]
            return ", ".join([str((await asyncio.wait_for(one, 10)).offset) for one in sent])
        finally:
            await producer.stop()

    async def read(self, call: Call) -> str:
        isolation = call.text("isolation", "read_uncommitted")
        consumer = AIOKafkaConsumer(**self._common, auto_offset_reset="none", isolation_level=isolation, check_crcs=True)
        await consumer.start()
        try:
            place = TopicPartition(call.topic, call.partition)
            consumer.assign([place])
            consumer.seek(place, call.number("from"))
            seen: list[str] = []
            while len(seen) < call.number("count"):
                for records in (await asyncio.wait_for(consumer.getmany(timeout_ms=100), calls.LIMIT_S)).values():
                    seen += [calls.shown(r.offset, r.key, r.value, r.headers, r.timestamp) for r in records]
            return ", ".join(seen[: call.number("count")])
        finally:
            await consumer.stop()

    async def offset(self, call: Call) -> str:
        at, place = call.text("at", "latest"), TopicPartition(call.topic, call.partition)
        if at == "newest":
            return calls.ABSENT
        consumer = AIOKafkaConsumer(**self._common)
        await consumer.start()
        try:
            if at == "earliest":
                return str((await consumer.beginning_offsets([place]))[place])
            if at == "latest":
                return str((await consumer.end_offsets([place]))[place])
            return str((await consumer.offsets_for_times({place: int(at)}))[place])
        finally:
            await consumer.stop()

    async def truncate(self, call: Call) -> str:
        place = TopicPartition(call.topic, call.partition)
        return f"from {(await self._admin.delete_records({place: RecordsToDelete(call.number('before'))}))[place]}"

    async def commit(self, call: Call) -> str:
        consumer = AIOKafkaConsumer(**self._common, group_id=call.group, enable_auto_commit=False)
        await consumer.start()
        try:
            place = TopicPartition(call.topic, call.partition)
            consumer.assign([place])
            await asyncio.wait_for(consumer.commit({place: (call.number("offset"), call.metadata())}), 10)
            return "done"
        finally:
            await consumer.stop()

    async def committed(self, call: Call) -> str:
        place = TopicPartition(call.topic, call.partition)
        found = (await self._admin.list_consumer_group_offsets(call.group, partitions=[place]))[place]
        return "nothing" if found.offset < 0 else f"{found.offset} '{found.metadata}'"

    async def join(self, call: Call) -> str:
        if not calls.is_known(call, ("instance",)):
            return calls.ABSENT
        members = self._joined.setdefault(call.group, [])
        settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "heartbeat_interval_ms": 200}
        if "instance" in call:
            settings["group_instance_id"] = call.text("instance")
        for _ in range(call.number("members", 1)):
            consumer = AIOKafkaConsumer(call.topic, **self._common, group_id=call.group, **settings)
            await asyncio.wait_for(consumer.start(), 10)
            members.append(Member(consumer))
        for _ in range(calls.LIMIT_S * 100):
            if shares := calls.settled([one.assigned for one in members], call):
                return shares
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def take(self, call: Call) -> str:
        if call.group not in self._joined:
            return calls.ABSENT
        for _ in range(calls.LIMIT_S * 100):
            taken = sorted({record for one in self._joined[call.group] for record in one.taken})
            if len(taken) >= call.number("count"):
                return ", ".join(taken)
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def save(self, call: Call) -> str:
        for member in self._joined[call.group]:
            await member.consumer.commit()
        return "done"

    async def leave(self, call: Call) -> str:
        members = self._joined.pop(call.group, None)
        for member in members or []:
            await member.leave()
        return calls.ABSENT if members is None else "done"

    async def groups(self, call: Call) -> str:
        return calls.prefixed([name for name, *_ in await self._admin.list_consumer_groups()], call)

    async def group(self, call: Call) -> str:
        found = (await self._admin.describe_consumer_groups([call.group]))[0].groups[0]
        return f"{found[2]} '{found[4]}' {len(found[5])} members"


def _checked(errors: list, at: int = 1) -> str:  # type: ignore[type-arg]
    for one in errors:
        if one[at]:
            raise for_code(one[at])
    return "done"


async def main() -> None:
    client = Client(sys.argv[1])
    await client.start()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        call = Call(line)
        method = getattr(client, call.name.replace("-", "_"), None)
        try:
            answer = await method(call) if method else calls.ABSENT
        except Exception as error:  # noqa: BLE001
            answer = f"! {calls.name_of(error)}"
        print(answer.replace("\n", " "), flush=True)


asyncio.run(main())

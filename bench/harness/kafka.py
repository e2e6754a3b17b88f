"""The real Kafka that all candidates share, and the counting of what it has."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from harness.place import ROOT, free_port
from harness.process import BenchError
from harness.waiting import wait_for

SCRIPTS = ROOT / "compose" / "jvm"
EVENTS = "events"
PARTITIONS = 4
"""As in template.yaml."""
DEAD_LETTERS = "events-dlq"
SETTLED_S = 0.3
"""The log counts as at rest when it has not grown for this long."""
WAIT_S = 60

Record = tuple[bytes, bytes, list[tuple[str, bytes]]]
"""Key, value, headers."""


def script(log: Path, environment: Mapping[str, str], name: str, *arguments: str) -> None:
    """Runs a script of `compose/jvm` to its end; its output goes to a file."""
    with log.open("ab") as output:
        done = subprocess.run(
            [SCRIPTS / name, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode != 0:
        raise BenchError(f"compose/jvm/{name} failed: {log.read_text()[-500:]}")


class Kafka:
    """A Kafka with its ZooKeeper, on ports and data of its own."""

    def __init__(self, data: Path, log: Path) -> None:
        port = free_port()
        self.bootstrap = f"localhost:{port}"
        self._environment = {
            **os.environ,
            "KAFKA_PORT": str(port),
            "ZOOKEEPER_PORT": str(free_port()),
            "KAFKA_DATA": str(data),
        }
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        try:
            self._script("up")
            self.pid = int((data / "kafka.pid").read_text())
            self._admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends both and removes their data."""
        self._script("down", "-v")

    def _script(self, name: str, *arguments: str) -> None:
        script(self._log, self._environment, name, *arguments)

    def fresh(self) -> None:
        """Makes the topic of events empty, and forgets how far anybody had read."""
        groups = [group["group_id"] for group in self._admin.list_groups()]
        if groups:
            self._admin.delete_groups(groups)
        if EVENTS in self._admin.list_topics():
            self._admin.delete_topics([EVENTS])
            wait_for("deletion", WAIT_S, lambda: EVENTS not in self._admin.list_topics())
        wait_for("creation", WAIT_S, self._create)
        self._admin.wait_for_topics([EVENTS])

    def _create(self) -> bool:
        try:
            settings = {"num_partitions": PARTITIONS, "replication_factor": 1}
            self._admin.create_topics({EVENTS: settings})
        except KafkaError:
            # The files of the deleted topic are still there.
            return False
        return True

    def fill(self, records: Iterable[Record]) -> None:
        """Writes events and waits for the acknowledgement of all."""
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", linger_ms=5, batch_size=256 * 1024
        )
        for key, value, headers in records:
            producer.send(EVENTS, value, key=key, headers=headers)
        producer.flush()
        producer.close()

    def end(self, topic: str = EVENTS, partitions: int = PARTITIONS) -> int:
        """How many records the topic has ever had."""
        wanted = {TopicPartition(topic, n): OffsetSpec.LATEST for n in range(partitions)}
        found = self._admin.list_partition_offsets(wanted)
        return sum(place.offset for place in found.values())

    def settled_end(self) -> int:
        """The same once nothing is written any more: requests cut off may still arrive."""
        last, since = self.end(), time.monotonic()
        deadline = since + WAIT_S
        while time.monotonic() - since < SETTLED_S and time.monotonic() < deadline:
            now = self.end()
            if now != last:
                last, since = now, time.monotonic()
        return last

    def committed(self, group: str) -> int:
        """How many events a consumer group has said it is done with."""
        partitions = [TopicPartition(EVENTS, n) for n in range(PARTITIONS)]
        found = self._admin.list_group_offsets({group: partitions})[group]
        return sum(max(place.offset, 0) for place in found.values())

"""Ours: the mapping and process_events, with its table."""

from __future__ import annotations

import json
from dataclasses import dataclass

from harness import millrace
from harness.bench import Bench
from harness.kafka import DEAD_LETTERS, Kafka
from harness.model import Candidate


@dataclass(frozen=True)
class Processor:
    """How far the mapping is, Kafka says: the poller commits what the function has done."""

    stack: millrace.Stack
    kafka: Kafka
    group: str
    dead_before: int

    def pids(self) -> list[int]:
        """Those of the stack."""
        return self.stack.pids()

    def check(self) -> None:
        """Fails when the stack has ended."""
        self.stack.program.check()

    def processed(self) -> int:
        """Committed offsets."""
        return self.kafka.committed(self.group)

    def problems(self, records: int) -> list[str]:
        """The stack's own word has to agree, and setting records aside is not processing them."""
        lag = json.loads(self.stack.command("status", "--json"))["mappings"][0]["lag"]
        found = [f"lag {lag} where all {records} records are committed"] if lag else []
        dead = self.kafka.end(DEAD_LETTERS, partitions=1) - self.dead_before
        return [*found, f"{dead} records dead-lettered"] if dead else found


def start(bench: Bench) -> Processor:
    """On an empty data folder, so that nothing was applied before."""
    dead_before = bench.kafka.end(DEAD_LETTERS, partitions=1)
    stack = millrace.up(bench, "process_events", "--kafka", bench.kafka.bootstrap)
    group = stack.status["mappings"][0]["id"]
    return Processor(stack, bench.kafka, group, dead_before)


ROWS = [
    Candidate(
        suite="backlog",
        name="process_events",
        title="**Millrace**: mapping, process_events, table",
        start=start,
        note="effects exactly once, bodies archived, status kept",
    )
]

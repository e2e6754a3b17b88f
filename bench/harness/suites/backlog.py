"""Records a second of a consumer that finds a backlog."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Protocol, cast
from uuid import UUID

from harness.bench import Bench
from harness.kafka import Record
from harness.measured import Meter
from harness.model import Candidate, Outcome, Running
from harness.waiting import STEP_S, wait_for

FIRST_S = 60
"""How long a consumer may take to its first record."""
TIMED_S = 2
"""What takes less is measured too coarsely."""
STALL_S = 30
"""A consumer without progress for this long has failed."""


class Consumer(Running, Protocol):
    """A running consumer that tells how far it is."""

    def processed(self) -> int:
        """Records that it is done with."""

    def check(self) -> None:
        """Fails when it has ended."""

    def problems(self, records: int) -> list[str]:
        """What is wrong at the end, when it should be done with so many records."""


class Backlog:
    """Every candidate reads the same records, each as a new group."""

    name = "backlog"
    ours = "process_events"
    title = "A backlog through the consumer"
    unit = "records/s"
    about = (
        "Records as `register_event` writes them wait in Kafka. Timed from the first record "
        "processed to the last, so that starting up does not count."
    )

    def prepare(self, bench: Bench) -> None:
        """Writes the backlog."""
        bench.kafka.fresh()
        bench.kafka.fill(records(bench.options.records))

    def measure(self, bench: Bench, candidate: Candidate) -> Iterator[Outcome]:
        """Starts the consumer and waits until it has them all."""
        yield self._follow(bench, cast(Consumer, candidate.start(bench)))

    def _follow(self, bench: Bench, consumer: Consumer) -> Outcome:
        total = bench.options.records
        case = f"{total:,} records"

        def begun() -> int:
            consumer.check()
            return consumer.processed()

        first = done = wait_for("record processed", FIRST_S, begun)
        meter = Meter(bench, consumer)
        since = moved = time.monotonic()
        while done < total:
            time.sleep(STEP_S)
            consumer.check()
            now = consumer.processed()
            if now > done:
                done, moved = now, time.monotonic()
            elif time.monotonic() - moved > STALL_S:
                return Outcome(case, problems=[f"stalled at {done} of {total} records"])
        cost = meter.read()
        timed, elapsed_s = total - first, moved - since
        doubts = [] if elapsed_s >= TIMED_S else [f"over after {elapsed_s:.1f} s: too few records"]
        return Outcome(
            case=case,
            done=timed,
            rate=timed / max(elapsed_s, STEP_S),
            cost=cost,
            problems=consumer.problems(total),
            doubts=doubts,
        )


def records(count: int) -> Iterator[Record]:
    """Records with the value, key and headers of those that `register_event` writes."""
    for number in range(count):
        event_id = str(UUID(int=number, version=4))
        user = f"u{number % 1000}"
        value = {
            "event_id": event_id,
            "user_id": user,
            "event_type": "page_view",
            "payload": {"path": f"/products/{number % 50}", "width": 1280},
        }
        headers = {
            "ce_specversion": "1.0",
            "ce_id": event_id,
            "ce_source": "/register_event",
            "ce_type": "page_view",
            "content-type": "application/json",
        }
        pairs = [(name, text.encode()) for name, text in headers.items()]
        yield user.encode(), json.dumps(value).encode(), pairs

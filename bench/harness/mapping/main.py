"""`bench/mapping`: measures one mapping on both brokers, and prints a table and an object."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness import machine, place
from harness.broker.sides import Kafka, Load, settle
from harness.mapping.stack import BATCH_SIZE, FULL, PARTITIONS, TIMED, Stack, create_topics
from harness.process import BenchError
from harness.waiting import wait_for

BYTES = 200
START_S = 60
"""How long the first record may take."""
STALL_S = 60
"""A mapping without progress for this long has failed."""
WARM = 0.1
"""The share of records whose time does not count: the group, and the function's first start."""
GOALS = {
    "records_per_s": ">= 300,000",
    "p50_ms": "<= 5",
    "p99_ms": "<= 25",
    "idle_percent": "<= 0.2",
}


@dataclass(frozen=True)
class Amounts:
    """How much is measured."""

    records: int
    stamps: int
    idle: int
    seconds: float


@dataclass(frozen=True)
class Figures:
    """What came of one round on one Kafka."""

    kafka: str
    records_per_s: float
    p50_ms: float
    p99_ms: float
    idle_percent: float
    """Of a core, for each idle mapping more; the embedded broker's share in it included."""


def main() -> int:
    """Return 0 when everything was measured."""
    arguments = _parser().parse_args()
    amounts = Amounts(arguments.records, arguments.stamps, arguments.idle, arguments.seconds)
    run = place.SCRATCH / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-mapping"
    where = place.find(arguments.profile, run)
    load = Load(where.programs / "kafka_load")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rounds = []
    try:
        for number in range(1, arguments.runs + 1):
            for kafka in arguments.only or ["embedded", "kafka"]:
                figures = _round(kafka, run / f"{number}-{kafka}", where, load, amounts)
                rounds.append(figures)
                print(figures, file=sys.stderr, flush=True)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    facts = {name: machine.describe()[name] for name in ("Machine", "Load before", "Millrace")}
    print(_table(rounds))
    print(json.dumps({"facts": facts, **asdict(amounts), "rounds": [asdict(r) for r in rounds]}))
    return 0


def _round(kafka: str, folder: Path, where: place.Place, load: Load, amounts: Amounts) -> Figures:
    """One stack for what works, and one with idle mappings more."""
    folder.mkdir(parents=True)
    real = Kafka(folder, load) if kafka == "kafka" else None
    try:
        address = None
        if real is not None:
            real.start()
            address = real.address
            create_topics(load, address, amounts.idle)
        busy = Stack(where, folder / "busy", address, 0)
        try:
            rate = _throughput(busy, load, amounts.records)
            p50, p99 = _latency(busy, load, amounts.stamps)
            alone = _cpu_share(busy, amounts.seconds)
        finally:
            busy.stop()
        idle = Stack(where, folder / "idle", address, amounts.idle)
        try:
            together = _cpu_share(idle, amounts.seconds)
        finally:
            idle.stop()
    finally:
        if real is not None:
            real.remove()
    return Figures(kafka, rate, p50, p99, 100 * (together - alone) / amounts.idle)


def _throughput(stack: Stack, load: Load, records: int) -> float:
    """Records that wait, from the first one invoked to the last one committed."""
    load.call("produce", stack.kafka, FULL, PARTITIONS, BYTES, records)
    settle()
    stack.resume(FULL)
    # `produce` warms up with a record for each partition.
    total = records + PARTITIONS

    def invoked() -> int:
        return stack.counted("invoked_event_count", FULL)

    first = wait_for("record invoked", START_S, invoked)
    begun = moved = time.monotonic()
    done = 0
    while done < total:
        now = stack.counted("committed_event_count", FULL)
        if now > done:
            done, moved = now, time.monotonic()
        elif time.monotonic() - moved > STALL_S:
            raise BenchError(f"stalled at {done} of {total} records")
    again = invoked() - total
    if again:
        raise BenchError(f"{again} records were invoked again")
    return (total - first) / (moved - begun)


def _latency(stack: Stack, load: Load, stamps: int) -> tuple[float, float]:
    """From just before it is sent to when the function has it."""
    load.call("stamp", stack.kafka, TIMED, PARTITIONS, stamps)
    wait_for("word of every record", START_S, lambda: len(stack.waits_ms()) >= stamps)
    waits = sorted(stack.waits_ms()[int(stamps * WARM) :])
    return waits[len(waits) // 2], waits[len(waits) * 99 // 100]


def _cpu_share(stack: Stack, seconds: float) -> float:
    time.sleep(seconds / 2)
    before = stack.cpu_s()
    time.sleep(seconds)
    return (stack.cpu_s() - before) / seconds


def _table(rounds: list[Figures]) -> str:
    lines = [
        f"One mapping of {PARTITIONS} partitions into a function in Rust that counts: batches of "
        f"{BATCH_SIZE}, values of {BYTES} bytes, window 0.",
        "",
        "| | records/s | p50 ms | p99 ms | idle mapping, % of a core |",
        "|---|---|---|---|---|",
        "| goal | " + " | ".join(GOALS.values()) + " |",
    ]
    for r in rounds:
        lines.append(
            f"| {r.kafka} | {r.records_per_s:,.0f} | {r.p50_ms:.1f} | {r.p99_ms:.1f} "
            f"| {r.idle_percent:.2f} |"
        )
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/mapping", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="rounds [3]")
    parser.add_argument("--records", type=int, default=2_000_000, help="of the backlog [2000000]")
    parser.add_argument("--stamps", type=int, default=2_000, help="records with a time [2000]")
    parser.add_argument("--idle", type=int, default=20, help="idle mappings [20]")
    parser.add_argument("--seconds", type=float, default=20, help="of idling [20]")
    parser.add_argument("--only", action="append", choices=["embedded", "kafka"], help="one Kafka")
    parser.add_argument("--profile", choices=["release", "dev"], default="release")
    return parser

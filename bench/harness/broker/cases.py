"""What is measured of a broker, one after the other; each case is run on both before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.broker.sides import Load, Side, cpu_s, resident_mib, settle

PARTITIONS = (1, 16)
SIZES = {"100 B": 100, "1 KiB": 1024, "100 KiB": 100 * 1024}
BIG = "big"
BIG_RECORD = 1024
MIDDLE_TIMES = 50
MIB = 1024 * 1024


@dataclass(frozen=True)
class Amounts:
    """How much is measured."""

    mib: int
    """Written and read per size and count of partitions; a tenth of the records of 100 B."""
    log_mib: int
    """The large log."""
    seconds: float
    """Of acknowledgements, and of idle consumers."""
    consumers: int
    """That wait."""


@dataclass(frozen=True)
class Figure:
    """One figure of one side."""

    case: str
    what: str
    """With its unit: `records/s`, `p50 ms`."""
    value: float


@dataclass(frozen=True)
class Case:
    """Something to do with a running broker."""

    name: str
    run: Callable[[Load, Side], Iterator[Figure]]


def cases(amounts: Amounts) -> Sequence[Case]:
    """In their order: the large log comes last, and what needs it behind it."""
    found = []
    for partitions in PARTITIONS:
        for size in SIZES:
            found.append(_throughput(size, partitions, amounts))
    found += [_acknowledge(size, amounts) for size in SIZES]
    found += [_idle(amounts), _large(amounts), _middle(amounts)]
    return found


def _throughput(size: str, partitions: int, amounts: Amounts) -> Case:
    width = SIZES[size]
    # Small records cost by their number: as many bytes of them would take minutes.
    count = amounts.mib * MIB // max(width, 1000)
    plural = "partition" if partitions == 1 else "partitions"
    label = f"{size}, {partitions} {plural}"

    def run(load: Load, side: Side) -> Iterator[Figure]:
        topic = f"t{width}.{partitions}"
        load.call("create", side.address, topic, partitions)
        for verb, call in (("Produce", ["produce"]), ("Consume", ["consume"])):
            before = cpu_s(side)
            sizes = [width, count] if verb == "Produce" else [count]
            done = load.call(*call, side.address, topic, partitions, *sizes)
            cost = cpu_s(side) - before
            records, seconds = int(done["records"]), max(float(done["seconds"]), 1e-9)
            yield Figure(f"{verb} {label}", "records/s", records / seconds)
            yield Figure(f"{verb} {label}", "broker CPU us/record", cost * 1e6 / records)
        settle()

    return Case(f"throughput of {label}", run)


def _acknowledge(size: str, amounts: Amounts) -> Case:
    def run(load: Load, side: Side) -> Iterator[Figure]:
        topic = f"a{SIZES[size]}"
        load.call("create", side.address, topic, 1)
        done = load.call("ack", side.address, topic, SIZES[size], amounts.seconds)
        yield Figure(f"Acknowledge {size}", "p50 ms", float(done["p50_ms"]))
        yield Figure(f"Acknowledge {size}", "p99 ms", float(done["p99_ms"]))

    return Case(f"acknowledgement of {size}", run)


def _idle(amounts: Amounts) -> Case:
    name = f"{amounts.consumers:,} idle consumers"

    def run(load: Load, side: Side) -> Iterator[Figure]:
        load.call("create", side.address, "silent", 1)
        before = cpu_s(side)
        load.call("idle", side.address, "silent", amounts.consumers, amounts.seconds)
        yield Figure(name, "CPU %", (cpu_s(side) - before) * 100 / amounts.seconds)
        yield Figure(name, "resident MiB", resident_mib(side))

    return Case(name, run)


def _large(amounts: Amounts) -> Case:
    name = f"After {amounts.log_mib} MiB produced"

    def run(load: Load, side: Side) -> Iterator[Figure]:
        load.call("create", side.address, BIG, 1)
        count = amounts.log_mib * MIB // BIG_RECORD
        load.call("produce", side.address, BIG, 1, BIG_RECORD, count)
        yield Figure(name, "resident MiB", resident_mib(side))
        settle()

    return Case(name, run)


def _middle(amounts: Amounts) -> Case:
    name = f"First record from the middle of {amounts.log_mib} MiB"

    def run(load: Load, side: Side) -> Iterator[Figure]:
        offset = amounts.log_mib * MIB // BIG_RECORD // 2
        done = load.call("middle", side.address, BIG, offset, MIDDLE_TIMES)
        yield Figure(name, "p50 ms", float(done["p50_ms"]))
        yield Figure(name, "p99 ms", float(done["p99_ms"]))

    return Case(name, run)

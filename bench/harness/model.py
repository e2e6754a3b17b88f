"""What is measured, and what came of it. Plain data: the other modules agree on this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from harness.bench import Bench


class Running(Protocol):
    """A started candidate."""

    def pids(self) -> list[int]:
        """The first process of each of its process trees."""


@dataclass(frozen=True)
class Candidate:
    """A row of a suite: something that can be started and measured."""

    suite: str
    name: str
    """What `--only` takes: `fastapi-2`."""
    title: str
    """What the table says."""
    start: Callable[[Bench], Running]
    """Starts it and returns when it is ready."""
    note: str = ""
    """What a reader has to know to judge the row."""


class Suite(Protocol):
    """A kind of measurement, the same for every candidate."""

    @property
    def name(self) -> str:
        """What rows call it."""

    @property
    def title(self) -> str:
        """For the document."""

    @property
    def unit(self) -> str:
        """Of its rates."""

    @property
    def about(self) -> str:
        """How it is measured, for the document."""

    @property
    def ours(self) -> str:
        """The row that the others are compared with."""

    def prepare(self, bench: Bench) -> None:
        """What all its candidates need, before each round."""

    def measure(self, bench: Bench, candidate: Candidate) -> Iterator[Outcome]:
        """Starts the candidate and measures every case; whoever calls this stops it."""


@dataclass(frozen=True)
class ProcessMemory:
    """A process of a candidate at the end of a measurement."""

    name: str
    resident_mib: float


@dataclass(frozen=True)
class Cost:
    """What a measurement took: CPU seconds are user and system together."""

    cpu_s: dict[str, float]
    """The candidate's, by the name of the program."""
    kafka_cpu_s: float
    generator_cpu_s: float
    elapsed_s: float
    memory: list[ProcessMemory]

    @property
    def total_cpu_s(self) -> float:
        """Of all the candidate's processes."""
        return sum(self.cpu_s.values())


@dataclass(frozen=True)
class Outcome:
    """One case of one candidate in one round."""

    case: str
    done: int = 0
    """Requests answered as expected, or records processed while the clock ran."""
    rate: float = 0.0
    """Of these, a second."""
    latency_ms: dict[str, float] = field(default_factory=dict)
    """By percentile: `p50`, `p99`."""
    errors: dict[str, int] = field(default_factory=dict)
    """By status, or by what happened to the connection."""
    written: int | None = None
    """Records that Kafka has more than before, where the suite counts them."""
    cost: Cost | None = None
    problems: list[str] = field(default_factory=list)
    """What the candidate did wrong."""
    doubts: list[str] = field(default_factory=list)
    """Why the figure may not be its own: it was measured badly."""


@dataclass(frozen=True)
class Sample:
    """An outcome and where it belongs."""

    suite: str
    candidate: str
    round: int
    outcome: Outcome

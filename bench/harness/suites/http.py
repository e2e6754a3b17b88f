"""Requests over HTTP: rate and latency at several numbers of connections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from harness import wrk
from harness.bench import Bench
from harness.measured import Meter
from harness.model import Candidate, Outcome
from harness.process import BenchError
from harness.served import EMPTY, REGISTER, Call, Served, problem

WARM_UP_CONNECTIONS = 16
"""Enough to start every environment and thread that a candidate keeps, too few to wedge any."""
GENERATOR_BUSY = 0.9
"""Of a core: beyond it wrk may be what was measured."""


@dataclass(frozen=True)
class HttpSuite:
    """Loads whatever address a candidate has."""

    name: str
    title: str
    about: str
    ours: str
    call: Call
    counts_kafka: bool
    unit: str = "requests/s"

    def prepare(self, bench: Bench) -> None:
        """Each candidate gets an empty topic of its own instead."""

    def measure(self, bench: Bench, candidate: Candidate) -> Iterator[Outcome]:
        """From few connections to many; a candidate that stops answering is started again."""
        running = self._start(bench, candidate)
        for connections in sorted(bench.options.connections):
            outcome = self._case(bench, running, connections)
            wrong = problem(running.url, self.call)
            if wrong:
                outcome.problems.append(f"wedged, started again: afterwards {wrong}")
                running.stop()
                running = self._start(bench, candidate)
            yield outcome

    def _start(self, bench: Bench, candidate: Candidate) -> Served:
        if self.counts_kafka:
            bench.kafka.fresh()
        running = cast(Served, candidate.start(bench))
        warm_up = min(WARM_UP_CONNECTIONS, max(bench.options.connections))
        wrk.run(running.url, self.call.kind, warm_up, bench.options.warm_up_s)
        return running

    def _case(self, bench: Bench, running: Served, connections: int) -> Outcome:
        case = "1 connection" if connections == 1 else f"{connections} connections"
        before = bench.kafka.settled_end() if self.counts_kafka else 0
        meter = Meter(bench, running)
        try:
            load = wrk.run(running.url, self.call.kind, connections, bench.options.seconds)
        except BenchError as error:
            return Outcome(case, problems=[str(error)])
        cost = meter.read(load.cpu_s)
        written = bench.kafka.settled_end() - before if self.counts_kafka else None
        problems = _problems(load)
        if written is not None:
            problems += miscounted(load.answered, written, connections)
        return Outcome(
            case=case,
            done=load.answered,
            rate=load.answered / load.elapsed_s,
            latency_ms=load.latency_ms,
            errors=self._by_status(running, load, connections),
            written=written,
            cost=cost,
            problems=problems,
            doubts=_doubts(load),
        )

    def _by_status(self, running: Served, load: wrk.Load, connections: int) -> dict[str, int]:
        """wrk counts wrong statuses as one; which they are, a second load tells."""
        if not load.errors.get("status"):
            return load.errors
        try:
            seen = wrk.statuses(running.url, self.call.kind, connections)
        except BenchError:
            return load.errors
        others = {f"{code} (of a sample)": n for code, n in seen.items() if int(code) >= 400}
        return load.errors | others


def _problems(load: wrk.Load) -> list[str]:
    if load.answered == 0:
        return ["not one answer"]
    if load.errors:
        return ["errors: " + ", ".join(f"{n} {kind}" for kind, n in load.errors.items())]
    return []


def _doubts(load: wrk.Load) -> list[str]:
    if load.cpu_s > GENERATOR_BUSY * load.elapsed_s:
        return ["wrk was busy: the candidate may be faster than this"]
    return []


def miscounted(answered: int, written: int, connections: int) -> list[str]:
    """Whether Kafka has what was answered.

    wrk cuts off one request per connection at the end: so many may have been written without an
    answer.
    """
    if written < answered:
        return [f"{answered - written} events were acknowledged and are not in Kafka"]
    if written > answered + connections:
        return [f"{written - answered} events more in Kafka than acknowledged"]
    return []


INGEST = HttpSuite(
    name="ingest",
    title="One event per request into Kafka",
    about=(
        "`POST /register_event` with about 140 bytes of JSON, answered when Kafka has the event "
        "(`acks=all`). Kafka's end offsets before and after are compared with the answers. "
        "Nobody reads the events meanwhile, unless a row says so."
    ),
    ours="millrace",
    call=REGISTER,
    counts_kafka=True,
)

EMPTY_FUNCTION = HttpSuite(
    name="empty",
    title="A function that does nothing",
    about="`GET` of a `lambda_http` function that answers 200 at once: the cost is the host's.",
    ours="empty-millrace",
    call=EMPTY,
    counts_kafka=False,
)

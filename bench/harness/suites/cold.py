"""Cold starts: how long a request takes that finds no environment."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from harness.bench import Bench
from harness.measured import Meter
from harness.millrace import Stack
from harness.model import Candidate, Outcome
from harness.process import BenchError
from harness.served import REGISTER, Served, problem
from harness.waiting import wait_for

STARTS = 20
GONE_S = 10
"""A killed process is gone sooner."""


@dataclass(frozen=True)
class Restarted:
    """A candidate whose environments can be ended."""

    served: Served
    stack: Stack
    function: str

    def pids(self) -> list[int]:
        """The first process of its tree."""
        return self.served.pids()

    def end_environments(self) -> None:
        """Kills them all and waits until they are gone."""

        def gone() -> bool:
            status = json.loads(self.stack.command("status", "--json"))
            running = {f["name"]: f["environments"] for f in status["functions"]}
            if running[self.function]:
                self.stack.command("fault", f"kill-environment:{self.function}")
            return not running[self.function]

        wait_for("end of the environments", GONE_S, gone)


class Cold:
    """Ends the environment and asks, again and again."""

    name = "cold"
    title = "Cold start"
    unit = "starts/s"
    ours = "cold-millrace"
    about = (
        f"The function's environment is killed, then `POST /register_event` is timed to its 202: a "
        f"process is spawned, connects to Kafka, and writes the event (`acks=all`); {STARTS} times."
    )

    def prepare(self, bench: Bench) -> None:
        """Each candidate gets an empty topic instead."""

    def measure(self, bench: Bench, candidate: Candidate) -> Iterator[Outcome]:
        """One case."""
        bench.kafka.fresh()
        running = cast(Restarted, candidate.start(bench))
        meter = Meter(bench, running)
        taken_ms, problems = [], []
        for _ in range(STARTS):
            running.end_environments()
            begun = time.perf_counter()
            wrong = problem(running.served.url, REGISTER)
            taken_ms.append((time.perf_counter() - begun) * 1e3)
            if wrong:
                problems.append(wrong)
        if len(problems) == STARTS:
            raise BenchError(f"not one start worked: {problems[0]}")
        ordered = sorted(taken_ms)
        yield Outcome(
            case=f"{STARTS} starts",
            done=STARTS - len(problems),
            rate=1e3 / statistics.mean(taken_ms),
            latency_ms={
                "p50": statistics.median(ordered),
                "p90": ordered[int(0.9 * STARTS)],
                "p99": ordered[-1],
                "max": ordered[-1],
            },
            cost=meter.read(),
            problems=problems,
        )

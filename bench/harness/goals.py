"""The ratios that were promised, and whether this run reached them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.results import Results
from harness.stats import Spread, ratios


@dataclass(frozen=True)
class Goal:
    """Ours is at least so many times as fast as the best of some peers."""

    suite: str
    case: str | None
    """`None` where the suite has one case."""
    ours: str
    peers: tuple[str, ...]
    times: float
    text: str
    mode: str | None = None
    """How ours runs, where it can in two ways."""


INGEST_CASE = "64 connections"
SHIPPED, CONCURRENT = "one invocation per environment", "64 in one environment"
PEERS = (
    (("fastapi-1", "fastapi-2"), 3.3, "FastAPI at its best"),
    (("watch",), 50, "`cargo lambda watch`"),
    (("watch-8",), 7, "`cargo lambda watch --concurrency 8`"),
    (("axum-0", "axum-1"), 0.85, "axum + rdkafka"),
)
GOALS = (
    *(
        Goal("ingest", INGEST_CASE, ours, peers, times, text, mode)
        for ours, mode in (("millrace", SHIPPED), ("millrace-managed", CONCURRENT))
        for peers, times, text in PEERS
    ),
    Goal(
        "ingest",
        INGEST_CASE,
        "millrace",
        ("millrace-managed",),
        0.8,
        "its concurrent mode",
        SHIPPED,
    ),
    *(
        Goal("empty", INGEST_CASE, ours, ("empty-watch",), 8, "`cargo lambda watch`", mode)
        for ours, mode in (("empty-millrace", SHIPPED), ("empty-millrace-managed", CONCURRENT))
    ),
    Goal("backlog", None, "process_events", ("seed-consumer",), 4, "the seeds' consumer"),
)


@dataclass(frozen=True)
class Verdict:
    """A goal and what was measured."""

    goal: Goal
    measured: Spread | None

    @property
    def word(self) -> str:
        """For the table: by the median, and only where every round agrees without a but."""
        if self.measured is None:
            return "not measured"
        if self.measured.low >= self.goal.times:
            return "reached"
        if self.measured.middle >= self.goal.times:
            return "reached by the median, not in every round"
        return "**not reached**"


def judge(results: Results) -> list[Verdict]:
    """Every goal, measured or not."""
    return [Verdict(goal, _measured(goal, results)) for goal in GOALS]


def _measured(goal: Goal, results: Results) -> Spread | None:
    ours = results.rates(goal.suite, goal.ours, goal.case)
    peers = [results.rates(goal.suite, peer, goal.case) for peer in goal.peers]
    # The best peer of each round; a goal is not judged while one of them is missing.
    best = {
        number: max(rates[number] for rates in peers)
        for number in ours
        if all(rates.get(number) for rates in peers)
    }
    return ratios(ours, best)

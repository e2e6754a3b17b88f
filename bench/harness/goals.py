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


INGEST_CASE = "64 connections"
GOALS = (
    Goal("ingest", INGEST_CASE, "millrace", ("fastapi-1", "fastapi-2"), 3.3, "FastAPI at its best"),
    Goal("ingest", INGEST_CASE, "millrace", ("watch",), 50, "`cargo lambda watch`"),
    Goal(
        "ingest", INGEST_CASE, "millrace", ("watch-8",), 7, "`cargo lambda watch --concurrency 8`"
    ),
    Goal("ingest", INGEST_CASE, "millrace", ("axum-0", "axum-1"), 0.85, "axum + rdkafka"),
    Goal("ingest", INGEST_CASE, "millrace", ("millrace-managed",), 0.8, "its concurrent mode"),
    Goal("empty", INGEST_CASE, "empty-millrace", ("empty-watch",), 8, "`cargo lambda watch`"),
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

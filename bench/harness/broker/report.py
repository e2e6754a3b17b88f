"""The document: every figure of both sides with its spread, the ratios, the goals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.broker.cases import Figure
from harness.stats import Spread, ratios, spread
from harness.table import table

Rounds = dict[int, float]


@dataclass(frozen=True)
class Goal:
    """A ratio that was promised, of ours to Kafka's."""

    title: str
    concerns: Callable[[str, str], bool]
    """By case and figure."""
    least: float | None = None
    most: float | None = None

    def judge(self, ratio: Spread) -> str:
        """Reached only when every round reached it."""
        if self.least is not None:
            low, mean = ratio.low >= self.least, ratio.middle >= self.least
        else:
            most = self.most or 0.0
            low, mean = ratio.high <= most, ratio.middle <= most
        return "reached" if low else "in the median" if mean else "**missed**"


GOALS = (
    Goal(
        "Produce >= 1.0x", lambda case, what: case.startswith("Produce") and "rec" in what[:3], 1.0
    ),
    Goal(
        "Consume >= 1.0x", lambda case, what: case.startswith("Consume") and "rec" in what[:3], 1.0
    ),
    Goal(
        "Acknowledgement p50 <= 0.5x",
        lambda case, what: case.startswith("Ack") and what == "p50 ms",
        most=0.5,
    ),
    Goal("Start <= 0.02x", lambda case, what: case.startswith("Start"), most=0.02),
    Goal(
        "Resident memory <= 0.1x",
        lambda case, what: case.startswith("After") and what == "resident MiB",
        most=0.1,
    ),
)


class Results:
    """What was measured, by case and figure, side and round."""

    def __init__(self) -> None:
        self._figures: defaultdict[tuple[str, str], dict[str, Rounds]] = defaultdict(dict)

    def add(self, side: str, number: int, figure: Figure) -> None:
        """Keeps a figure; cases stay in the order in which they came."""
        rounds = self._figures[figure.case, figure.what].setdefault(side, {})
        rounds[number] = figure.value

    def rows(self) -> list[tuple[str, str, Rounds, Rounds]]:
        """Case, figure, ours, Kafka's."""
        figures = self._figures.items()
        return [(*key, sides.get("ours", {}), sides.get("kafka", {})) for key, sides in figures]

    def to_json(self) -> list[dict[str, object]]:
        """Everything, for other tools."""
        return [
            {"case": case, "what": what, "ours": ours, "kafka": kafka}
            for case, what, ours, kafka in self.rows()
        ]


def render(results: Results, facts: Mapping[str, str], profile: str) -> str:
    """Markdown, made from the results alone."""
    known = [[name, value] for name, value in facts.items()]
    warning = ""
    if profile != "release":
        warning = "\n**Not a release build: this run checks the harness and measures nothing.**\n"
    return f"""# The embedded broker beside a real Kafka

Made by `bench/broker`; [bench/README.md](../bench/README.md) says how. The same librdkafka on the
same machine calls both in turns, in an order drawn anew for every case; ratios are ours over
Kafka's, taken within a round, and stand as median (lowest to highest). Kafka's CPU and memory are
those of its Java process alone, without ZooKeeper, with the heap that its own scripts give it.
{warning}
{table(["", ""], known)}

## Goals

{_goals(results)}

## Figures

{_figures(results)}
"""


def _goals(results: Results) -> str:
    lines = []
    for goal in GOALS:
        for case, what, ours, kafka in results.rows():
            ratio = ratios(ours, kafka) if goal.concerns(case, what) else None
            if ratio:
                lines.append([goal.title, case, _spread(ratio, 3), goal.judge(ratio)])
    return table(["goal", "case", "ratio", ""], lines)


def _figures(results: Results) -> str:
    lines = []
    for case, what, ours, kafka in results.rows():
        ratio = ratios(ours, kafka)
        shown = _spread(ratio, 3) if ratio else ""
        lines.append([case, what, _shown(ours), _shown(kafka), shown])
    return table(["case", "figure", "ours", "Kafka", "ratio"], lines)


def _shown(rounds: Rounds) -> str:
    found = spread(rounds.values())
    return _spread(found, 2) if found else ""


def _spread(found: Spread, digits: int) -> str:
    low, middle, high = (_number(one, digits) for one in (found.low, found.middle, found.high))
    return f"{middle} ({low} to {high})"


def _number(value: float, digits: int) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.{digits}f}"

"""Results as Markdown tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.goals import judge
from harness.model import Candidate, Cost, Outcome, Suite
from harness.results import Results
from harness.stats import Spread, ratios

NOTHING = "–"


def goals(results: Results) -> str:
    """What was promised."""
    rows = []
    for verdict in judge(results):
        goal = verdict.goal
        what = ", ".join(filter(None, (goal.suite, goal.case, goal.mode)))
        wanted, measured = f"≥ {goal.times:g} × {goal.text}", times(verdict.measured)
        rows.append([what, wanted, measured, verdict.word])
    return table(["suite", "goal", "measured", ""], rows)


def case(results: Results, suite: Suite, name: str, candidates: Iterable[Candidate]) -> str:
    """One case of a suite: a row per candidate, the fastest first."""
    ours = results.rates(suite.name, suite.ours, name)
    rows = []
    for candidate in candidates:
        outcomes = results.outcomes(suite.name, candidate.name, name)
        if outcomes:
            rates = results.rates(suite.name, candidate.name, name)
            best = max(rates.values(), default=0.0)
            rows.append((best, [candidate.title, *_figures(results, suite, candidate, name, ours)]))
    heads = [
        "",
        suite.unit,
        "Millrace is … times as fast",
        "p50 ms",
        "p99 ms",
        "CPU µs each",
        "Kafka's CPU µs each",
        "memory MiB",
        "errors",
    ]
    fastest_first = [row for _, row in sorted(rows, key=lambda row: -row[0])]
    return table(*without_empty_columns(heads, fastest_first))


def _figures(
    results: Results, suite: Suite, candidate: Candidate, name: str, ours: dict[int, float]
) -> list[str]:
    def spread(of: str) -> Spread | None:
        return results.spread(suite.name, candidate.name, name, FIGURES[of])

    rates = results.rates(suite.name, candidate.name, name)
    itself = candidate.name == suite.ours
    outcomes = results.outcomes(suite.name, candidate.name, name).values()
    errors: Counter[str] = Counter()
    for outcome in outcomes:
        errors.update(outcome.errors)
    return [
        figures(spread("rate"), 0),
        "1" if itself else times(ratios(ours, rates)),
        middle(spread("p50"), 2),
        middle(spread("p99"), 2),
        middle(spread("cpu_us"), 1),
        middle(spread("kafka_cpu_us"), 1),
        middle(spread("memory"), 0),
        ", ".join(f"{count} {kind}" for kind, count in sorted(errors.items())) or "0",
    ]


def _each(cpu_s: float, outcome: Outcome) -> float | None:
    return cpu_s * 1e6 / outcome.done if outcome.done else None


FIGURES = {
    "rate": lambda outcome: outcome.rate if outcome.cost else None,
    "p50": lambda outcome: outcome.latency_ms.get("p50") if outcome.done else None,
    "p99": lambda outcome: outcome.latency_ms.get("p99") if outcome.done else None,
    "cpu_us": lambda outcome: outcome.cost and _each(outcome.cost.total_cpu_s, outcome),
    "kafka_cpu_us": lambda outcome: outcome.cost and _each(outcome.cost.kafka_cpu_s, outcome),
    "memory": lambda outcome: outcome.cost and total_mib(outcome.cost),
}


def total_mib(cost: Cost) -> float:
    """Resident memory of all processes; pages that they share count once for each."""
    return sum(process.resident_mib for process in cost.memory)


def programs(results: Results, suite: Suite, candidates: Iterable[Candidate]) -> str:
    """Each candidate's programs, in the last case of its last round."""
    rows = []
    for candidate in candidates:
        found = results.outcomes(suite.name, candidate.name, None)
        last = found[max(found)] if found else None
        if last and last.cost:
            rows += [[candidate.title, *line] for line in _programs(last, last.cost)]
    heads = ["", "program", "processes", "resident MiB each", "CPU µs each request or record"]
    return table(heads, rows)


def _programs(outcome: Outcome, cost: Cost) -> list[list[str]]:
    by_name: dict[str, list[float]] = {}
    for process in cost.memory:
        by_name.setdefault(process.name, []).append(process.resident_mib)
    lines = []
    for name, sizes in by_name.items():
        size = f"{min(sizes):.0f}"
        if f"{max(sizes):.0f}" != size:
            size += f" to {max(sizes):.0f}"
        cpu_us = _each(cost.cpu_s.get(name, 0.0), outcome)
        cpu = NOTHING if cpu_us is None else f"{cpu_us:,.1f}"
        lines.append([name, str(len(sizes)), size, cpu])
    return lines


def problems(results: Results) -> str:
    """Everything that went wrong, and every candidate that could not be measured."""
    lines = [
        f"- {failure.suite}, `{failure.candidate}`, round {failure.round}: "
        f"**not measured**: {failure.reason}"
        for failure in results.failures
    ]
    for sample in results.samples:
        lines += [
            f"- {sample.suite}, `{sample.candidate}`, round {sample.round}, "
            f"{sample.outcome.case}: {problem}"
            for problem in (*sample.outcome.problems, *sample.outcome.doubts)
        ]
    return "\n".join(lines) or "None."


def figures(spread: Spread | None, digits: int) -> str:
    """Smallest, **middle**, largest."""
    if spread is None:
        return NOTHING
    low, mid, high = (f"{n:,.{digits}f}" for n in (spread.low, spread.middle, spread.high))
    return f"{low} – **{mid}** – {high}" if low != high else f"**{mid}**"


def times(spread: Spread | None) -> str:
    """A ratio with its spread; more digits where it is small."""
    return figures(spread, 1 if spread and spread.middle >= 10 else 2)


def middle(spread: Spread | None, digits: int) -> str:
    """The median alone."""
    return NOTHING if spread is None else f"{spread.middle:,.{digits}f}"


def without_empty_columns(
    heads: list[str], rows: list[list[str]]
) -> tuple[list[str], list[list[str]]]:
    """A consumer, for one, has no latency."""
    kept = [n for n in range(len(heads)) if any(row[n] != NOTHING for row in rows)]
    return [heads[n] for n in kept], [[row[n] for n in kept] for row in rows]


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

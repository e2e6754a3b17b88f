"""The whole document: `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from harness import table
from harness.bench import Options
from harness.model import Candidate
from harness.results import Results
from harness.suites import SUITES


@dataclass(frozen=True)
class Occasion:
    """When, where and by which command the run was made."""

    began: datetime
    command: str
    machine: Mapping[str, str]
    profile: str


def render(
    results: Results, candidates: Sequence[Candidate], options: Options, occasion: Occasion
) -> str:
    """Markdown, made from the results alone."""
    parts = [_head(options, occasion), "## Goals", _goals(occasion), table.goals(results)]
    for suite in SUITES.values():
        members = [candidate for candidate in candidates if candidate.suite == suite.name]
        cases = results.cases(suite.name)
        if not cases:
            continue
        parts += [f"## {suite.title}", suite.about]
        for case in cases:
            parts += [f"### {case}", table.case(results, suite, case, members)]
        parts += ["### Processes", table.programs(results, suite, members)]
        parts.append("\n".join(f"- {member.title}: {member.note}." for member in members))
    parts += ["## What went wrong", table.problems(results)]
    return "\n\n".join(parts) + "\n"


def _head(options: Options, occasion: Occasion) -> str:
    facts = [["Date", f"{occasion.began:%Y-%m-%d %H:%M} UTC"]]
    facts += [[name, value] for name, value in occasion.machine.items()]
    facts += [["Command", f"`{occasion.command}`"]]
    return f"""# Benchmarks

Made by `bench/run`; [bench/README.md](../bench/README.md) says how to repeat it. Absolute figures
belong to this machine, on which client, candidate and Kafka share the cores; ratios are what
counts.

Rounds: {options.runs}, each with every candidate once in a shuffled order (seed {options.seed}).
Each candidate is started afresh, warmed up for {options.warm_up_s:g} s, and measured for
{options.seconds:g} s per number of connections. Of three figures the middle one is the median;
ratios are taken within a round. CPU is user and system time of all processes of a candidate;
memory is resident.

{table.table(["", ""], facts)}"""


def _goals(occasion: Occasion) -> str:
    if occasion.profile == "release":
        return "By the median of the rounds; a goal counts as reached when every round reached it."
    return "**Not a release build: this run checks the harness and measures nothing.**"

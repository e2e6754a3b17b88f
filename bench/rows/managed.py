"""Ours with the concurrency of Lambda Managed Instances: one environment runs many invocations."""

import re
from functools import partial
from pathlib import Path

from harness import millrace
from harness.bench import Bench
from harness.model import Candidate
from harness.place import PEERS, ROOT
from harness.served import EMPTY, REGISTER, Served, when_ready

CONCURRENCY = 64
SETTING = f"""\
      CapacityProviderConfig:
        Arn: arn:aws:lambda:us-east-1:000000000000:capacity-provider:bench
        PerExecutionEnvironmentMaxConcurrency: {CONCURRENCY}
"""
NOTE = f"`PerExecutionEnvironmentMaxConcurrency: {CONCURRENCY}`, else as shipped"


def managed(bench: Bench, name: str, source: Path, function: str) -> Path:
    """A copy of a template whose function has a capacity provider; its code stays where it is."""
    text = re.sub(r"CodeUri: (?=\w)", f"CodeUri: {source.parent}/", source.read_text())
    before, found, after = text.partition(f"\n  {function}:\n")
    properties = "    Properties:\n"
    copy = bench.folder(f"{name}-template") / "template.yaml"
    copy.write_text(before + found + after.replace(properties, properties + SETTING, 1))
    return copy


def start(name: str, bench: Bench) -> Served:
    """The whole stack, its mappings at rest, as in the row without."""
    template = managed(bench, name, ROOT / "template.yaml", "RegisterEvent")
    stack = millrace.up(bench, name, "--kafka", bench.kafka.bootstrap, "--template", template)
    stack.command("mapping", "pause", "process_events")
    return when_ready(stack.program, f"{stack.gateway}/register_event", REGISTER)


def start_empty(name: str, bench: Bench) -> Served:
    """The empty function."""
    template = managed(bench, name, PEERS / "template.yaml", "Empty")
    stack = millrace.up(bench, name, "--template", template)
    return when_ready(stack.program, f"{stack.gateway}/empty", EMPTY)


ROWS = [
    Candidate(
        suite="ingest",
        name="millrace-managed",
        title=f"**Millrace**, {CONCURRENCY} invocations in one environment",
        start=partial(start, "millrace-managed"),
        note=NOTE,
    ),
    Candidate(
        suite="empty",
        name="empty-millrace-managed",
        title=f"**Millrace**, {CONCURRENCY} invocations in one environment",
        start=partial(start_empty, "empty-millrace-managed"),
        note=NOTE,
    ),
]

"""Ours, with shipped defaults and logs on."""

from functools import partial

from harness import millrace
from harness.bench import Bench
from harness.model import Candidate
from harness.served import REGISTER, Served, when_ready


def start(name: str, reading: bool, bench: Bench) -> Served:
    """The whole stack; no peer has a consumer, so the mapping may be paused."""
    stack = millrace.up(bench, name, "--kafka", bench.kafka.bootstrap)
    if not reading:
        stack.command("mapping", "pause", "process_events")
    return when_ready(stack.program, f"{stack.gateway}/register_event", REGISTER)


ROWS = [
    Candidate(
        suite="ingest",
        name="millrace",
        title="**Millrace**, shipped defaults",
        start=partial(start, "millrace", False),
        note="10 environments of one invocation each; the mapping is paused, as no peer consumes",
    ),
    Candidate(
        suite="ingest",
        name="millrace-reading",
        title="**Millrace**, while process_events reads along",
        start=partial(start, "millrace-reading", True),
        note="consumer, table and archive work at the same time on the same machine",
    ),
]

"""Ours at its limits: 2,000 connections for a minute, and functions that start cold."""

from functools import partial

from harness import millrace
from harness.bench import Bench
from harness.model import Candidate
from harness.served import REGISTER, Served, when_ready
from harness.suites.cold import Restarted
from rows.managed import start as start_managed


def start(name: str, bench: Bench) -> Served:
    """The whole stack with shipped defaults, its mapping at rest."""
    return restarted(name, bench).served


def restarted(name: str, bench: Bench) -> Restarted:
    """The same with a way to end its environments."""
    stack = millrace.up(bench, name, "--kafka", bench.kafka.bootstrap)
    stack.command("mapping", "pause", "process_events")
    served = when_ready(stack.program, f"{stack.gateway}/register_event", REGISTER)
    return Restarted(served, stack, "register_event")


ROWS = [
    Candidate(
        suite="flood",
        name="flood-millrace",
        title="**Millrace**, shipped defaults",
        start=partial(start, "flood-millrace"),
        note="10 environments of one invocation each; what exceeds them waits",
    ),
    Candidate(
        suite="flood",
        name="flood-millrace-managed",
        title="**Millrace**, 64 invocations in one environment",
        start=partial(start_managed, "flood-millrace-managed"),
    ),
    Candidate(
        suite="cold",
        name="cold-millrace",
        title="**Millrace**, `register_event`",
        start=partial(restarted, "cold-millrace"),
        note="in front of a Kafka that runs already",
    ),
]

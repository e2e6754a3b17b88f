"""An empty function: on our host, and on `cargo lambda watch`."""

from functools import partial

from harness import millrace, watch
from harness.bench import Bench
from harness.model import Candidate
from harness.place import PEERS
from harness.served import EMPTY, Served, when_ready


def start_ours(bench: Bench) -> Served:
    """From a template of its own, with shipped defaults."""
    stack = millrace.up(bench, "empty-millrace", "--template", PEERS / "template.yaml")
    return when_ready(stack.program, f"{stack.gateway}/empty", EMPTY)


def start_watch(name: str, arguments: list[str], bench: Bench) -> Served:
    """The same function."""
    return watch.serve(bench, name, PEERS, "empty_function", EMPTY, *arguments)


ROWS = [
    Candidate(
        suite="empty",
        name="empty-millrace",
        title="**Millrace**, shipped defaults",
        start=start_ours,
        note="gateway, host, 10 environments of one invocation each",
    ),
    *(
        Candidate(
            suite="empty",
            name=name,
            title=" ".join(["`cargo lambda watch", *arguments]) + "`",
            start=partial(start_watch, name, arguments),
            note=watch.NOTE,
        )
        for name, arguments in (("empty-watch", []), ("empty-watch-8", ["--concurrency=8"]))
    ),
]

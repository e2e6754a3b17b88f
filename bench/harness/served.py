"""A candidate that answers HTTP, and how one knows that it does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from harness.process import BenchError, Program
from harness.waiting import wait_for

READY_S = 180
"""`cargo lambda watch` may have to link the function first."""
ANSWER_S = 10
EVENT = json.dumps({"user_id": "check", "event_type": "page_view"}).encode()


@dataclass(frozen=True)
class Call:
    """A request, and the answer without which a candidate does not take part."""

    kind: str
    """As load.lua names it: `events` or `get`."""
    status: int
    field: str | None = None
    """A member of the answer's JSON object."""


REGISTER = Call("events", 202, "event_id")
EMPTY = Call("get", 200)


@dataclass(frozen=True)
class Served:
    """A running candidate with its address."""

    program: Program
    url: str

    def pids(self) -> list[int]:
        """The first process of its tree."""
        return self.program.pids()

    def stop(self) -> None:
        """Ends it."""
        self.program.stop()


def when_ready(program: Program, url: str, call: Call) -> Served:
    """Waits for the first right answer."""
    answer = "no answer"

    def look() -> bool:
        nonlocal answer
        program.check()
        answer = problem(url, call) or ""
        return not answer

    try:
        wait_for("right answer", READY_S, look)
    except BenchError as error:
        raise BenchError(f"{error}; last: {answer}") from error
    return Served(program, url)


def problem(url: str, call: Call) -> str | None:
    """Sends one request; `None` when the answer is what it has to be."""
    request = urllib.request.Request(url)
    if call.kind == "events":
        request.data = EVENT
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        return f"status {error.code} in place of {call.status}"
    except OSError as error:
        return f"no answer: {error}"
    if status != call.status:
        return f"status {status} in place of {call.status}"
    if call.field and call.field not in body.decode(errors="replace"):
        return f"an answer without `{call.field}`"
    return None

"""Waiting with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from harness.process import BenchError

T = TypeVar("T")

STEP_S = 0.05
"""Between two looks."""


def wait_for(what: str, seconds: float, look: Callable[[], T | None]) -> T:
    """What `look` returns once it returns something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise BenchError(f"no {what} within {seconds:.0f} s")
        time.sleep(STEP_S)

"""A program that the harness starts: its output goes to a file, and it ends with all it started."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from harness.usage import tree

STOP_S = 15
"""How long a program may take to end by itself before it is killed."""
LOG_LINES = 5
"""Lines of a log that an error quotes."""


class BenchError(Exception):
    """A candidate, or a tool that the harness needs, did not do what it should."""


class Program:
    """A running program."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._stopped = False
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(argument) for argument in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                # Ctrl-C is for the harness, which ends its programs in order.
                start_new_session=True,
            )

    def pids(self) -> list[int]:
        """Its own id; what it started is below."""
        return [self._child.pid]

    def check(self) -> None:
        """Fails when it has ended."""
        status = self._child.poll()
        if status is not None:
            raise BenchError(f"ended with status {status}: {self.last_lines()}")

    def last_lines(self) -> str:
        """The end of its log, in one line."""
        lines = self.log.read_text(errors="replace").splitlines()
        return " / ".join(lines[-LOG_LINES:])

    def stop(self) -> None:
        """Ends it and whatever it started, by id; kindly first."""
        if self._stopped:
            return
        self._stopped = True
        members = tree(self.pids())
        self._child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(STOP_S)
        for process in members:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._child.wait()
        psutil.wait_procs(members, timeout=STOP_S)

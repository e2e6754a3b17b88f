"""Our own stack as a user starts it, in the foreground, on free ports and data of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bench import Bench
from harness.place import ROOT
from harness.process import BenchError, Program
from harness.waiting import wait_for

UP_S = 180
"""`up` builds what is not built."""
COMMAND_S = 30


@dataclass(frozen=True)
class Stack:
    """A running `cargo local up`."""

    program: Program
    binary: Path
    data: Path
    status: dict[str, Any]

    @property
    def gateway(self) -> str:
        """Where the HTTP API is."""
        return str(self.status["gateway"])

    def pids(self) -> list[int]:
        """The first process of its tree; environments are below it."""
        return self.program.pids()

    def command(self, *arguments: str) -> str:
        """Another `cargo local` command on this stack."""
        command: list[str | Path] = [self.binary, *arguments, "--data", self.data]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
        if done.returncode != 0:
            raise BenchError(f"`{' '.join(arguments)}` failed: {done.stderr.strip()}")
        return done.stdout


def up(bench: Bench, name: str, *arguments: str | Path) -> Stack:
    """Starts a stack on the shared Kafka, and waits until it answers."""
    data = bench.folder(f"{name}-data")
    binary = bench.place.programs / "millrace"
    ports = [f"--{part}-port=0" for part in ("gateway", "lambda", "kafka", "table")]
    program = bench.program(
        name,
        [binary, "up", "--no-watch", "--data", data, *bench.place.release_flag, *ports, *arguments],
        # The functions are ours: what they are told is in the template.
        cwd=ROOT,
    )

    def look() -> dict[str, Any] | None:
        program.check()
        try:
            status: dict[str, Any] = json.loads(
                Stack(program, binary, data, {}).command("status", "--json")
            )
        except BenchError:
            return None
        return status

    try:
        status = wait_for("stack", UP_S, look)
    except BenchError as error:
        raise BenchError(f"{error}: {program.last_lines()}") from error
    return Stack(program, binary, data, status)

"""`cargo lambda watch`, as a user starts it in a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.bench import Bench
from harness.place import free_port
from harness.served import Call, Served, when_ready

NOTE = "with `--ignore-changes`, since it rebuilds for ever when a log is written in its tree"


def serve(
    bench: Bench,
    name: str,
    workspace: Path,
    function: str,
    call: Call,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
) -> Served:
    """Starts it on a function and waits until that answers."""
    port = free_port()
    program = bench.program(
        name,
        [
            bench.place.tool("cargo-lambda"),
            "lambda",
            "watch",
            "--ignore-changes",
            "--invoke-address=127.0.0.1",
            f"--invoke-port={port}",
            *bench.place.release_flag,
            *arguments,
        ],
        environment=environment,
        cwd=workspace,
    )
    return when_ready(program, f"http://127.0.0.1:{port}/lambda-url/{function}/", call)

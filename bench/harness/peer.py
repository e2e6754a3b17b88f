"""A peer of `register_event`: one program that answers `POST /register_event` by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.bench import Bench
from harness.place import PEERS, free_port
from harness.served import REGISTER, Served, when_ready


def serve(bench: Bench, name: str, command: Sequence[str | Path]) -> Served:
    """Starts it, `{port}` in its command being a free one, and waits until it answers."""
    port = free_port()
    program = bench.program(
        name,
        [str(part).replace("{port}", str(port)) for part in command],
        environment={"KAFKA_BOOTSTRAP_SERVERS": bench.kafka.bootstrap},
        cwd=PEERS / "python",
    )
    return when_ready(program, f"http://127.0.0.1:{port}/register_event", REGISTER)

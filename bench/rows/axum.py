"""axum + rdkafka in one process: what the work costs where nothing is a Lambda."""

from functools import partial
from pathlib import Path

from harness.bench import Bench
from harness.model import Candidate
from harness.peer import serve
from harness.served import Served


def start(linger_ms: int, bench: Bench) -> Served:
    """One multi-threaded process, one producer."""
    program = bench.place.programs / "axum_rdkafka"
    command: list[str | Path] = [program, "{port}", bench.kafka.bootstrap, str(linger_ms)]
    return serve(bench, f"axum-{linger_ms}", command)


ROWS = [
    Candidate(
        suite="ingest",
        name=f"axum-{linger_ms}",
        title=f"axum + rdkafka, no Lambda, linger {linger_ms} ms",
        start=partial(start, linger_ms),
        note=f"one process, idempotent, `linger.ms={linger_ms}`",
    )
    for linger_ms in (0, 1)
]

"""axum + rdkafka in one process: what the work costs where nothing is a Lambda."""

from harness.bench import Bench
from harness.model import Candidate
from harness.place import free_port
from harness.served import REGISTER, Served, when_ready

LINGER_MS = 0


def start(bench: Bench) -> Served:
    """One multi-threaded process, one producer."""
    port = free_port()
    program = bench.program(
        "axum",
        [bench.place.programs / "axum_rdkafka", str(port), bench.kafka.bootstrap, str(LINGER_MS)],
    )
    return when_ready(program, f"http://127.0.0.1:{port}/register_event", REGISTER)


ROWS = [
    Candidate(
        suite="ingest",
        name="axum",
        title="axum + rdkafka, one process, no Lambda",
        start=start,
        note=f"idempotent, `linger.ms={LINGER_MS}`",
    )
]

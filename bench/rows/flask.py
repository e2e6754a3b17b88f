"""Flask + kafka-python on gunicorn: the stack of the projects before this one."""

from harness.bench import Bench
from harness.model import Candidate
from harness.place import PEERS, free_port
from harness.served import REGISTER, Served, when_ready


def start(bench: Bench) -> Served:
    """Two workers of sixteen threads."""
    port = free_port()
    program = bench.program(
        "flask",
        [
            bench.place.tool("gunicorn"),
            "flask_kafka_python:app",
            f"--bind=127.0.0.1:{port}",
            "--workers=2",
            "--threads=16",
        ],
        environment={"KAFKA_BOOTSTRAP_SERVERS": bench.kafka.bootstrap},
        cwd=PEERS / "python",
    )
    return when_ready(program, f"http://127.0.0.1:{port}/register_event", REGISTER)


ROWS = [
    Candidate(
        suite="ingest",
        name="flask",
        title="Flask + kafka-python, gunicorn 2 x 16 threads",
        start=start,
        note="no access log",
    )
]

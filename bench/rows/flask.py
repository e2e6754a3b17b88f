"""Flask + kafka-python on gunicorn: the stack of the projects before this one."""

from pathlib import Path

from harness.bench import Bench
from harness.model import Candidate
from harness.peer import serve
from harness.served import Served


def start(bench: Bench) -> Served:
    """Two workers of sixteen threads."""
    command: list[str | Path] = [
        bench.place.tool("gunicorn"),
        "flask_kafka_python:app",
        "--bind=127.0.0.1:{port}",
        "--workers=2",
        "--threads=16",
    ]
    return serve(bench, "flask", command)


ROWS = [
    Candidate(
        suite="ingest",
        name="flask",
        title="Flask + kafka-python, gunicorn 2 x 16 threads",
        start=start,
        note="no access log",
    )
]

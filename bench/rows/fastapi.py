"""FastAPI + aiokafka on uvicorn with uvloop and httptools, one and two workers."""

from functools import partial

from harness.bench import Bench
from harness.model import Candidate
from harness.place import PEERS, free_port
from harness.served import REGISTER, Served, when_ready


def start(workers: int, bench: Bench) -> Served:
    """Without access logs, which would cost it a tenth."""
    port = free_port()
    program = bench.program(
        f"fastapi-{workers}",
        [
            bench.place.tool("uvicorn"),
            "fastapi_aiokafka:app",
            "--host=127.0.0.1",
            f"--port={port}",
            f"--workers={workers}",
            "--loop=uvloop",
            "--http=httptools",
            "--no-access-log",
        ],
        environment={"KAFKA_BOOTSTRAP_SERVERS": bench.kafka.bootstrap},
        cwd=PEERS / "python",
    )
    return when_ready(program, f"http://127.0.0.1:{port}/register_event", REGISTER)


ROWS = [
    Candidate(
        suite="ingest",
        name=f"fastapi-{workers}",
        title=f"FastAPI + aiokafka, {workers} uvicorn worker{'s' if workers > 1 else ''}",
        start=partial(start, workers),
        note="uvloop, httptools, no access log",
    )
    for workers in (1, 2)
]

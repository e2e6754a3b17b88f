"""FastAPI + aiokafka on uvicorn with uvloop and httptools, one and two workers."""

from functools import partial
from pathlib import Path

from harness.bench import Bench
from harness.model import Candidate
from harness.peer import serve
from harness.served import Served


def start(workers: int, bench: Bench) -> Served:
    """Without access logs, which would cost it a tenth."""
    command: list[str | Path] = [
        bench.place.tool("uvicorn"),
        "fastapi_aiokafka:app",
        "--host=127.0.0.1",
        "--port={port}",
        f"--workers={workers}",
        "--loop=uvloop",
        "--http=httptools",
        "--no-access-log",
    ]
    return serve(bench, f"fastapi-{workers}", command)


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

"""`cargo lambda watch` with our register_event."""

from functools import partial

from harness import watch
from harness.bench import Bench
from harness.model import Candidate
from harness.place import ROOT
from harness.served import REGISTER, Served


def start(name: str, arguments: list[str], bench: Bench) -> Served:
    """With the variables that template.yaml sets."""
    variables = {
        "KAFKA_BOOTSTRAP_SERVERS": bench.kafka.bootstrap,
        "KAFKA_AUTH": "none",
        "KAFKA_CLUSTER": "bench",
        "EVENTS_TOPIC": "events",
        "STREAM_EPOCH": "1",
        "EVENT_ID_KEY": "dev:bWlsbHJhY2UgZGV2ZWxvcG1lbnQga2V5IG5vdCBzZWNyZXQ=",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
    }
    return watch.serve(
        bench, name, ROOT, "register_event", REGISTER, *arguments, environment=variables
    )


ROWS = [
    Candidate(
        suite="ingest",
        name=name,
        title=" ".join(["`cargo lambda watch", *arguments]) + "`, our function",
        start=partial(start, name, arguments),
        note=watch.NOTE,
    )
    for name, arguments in (("watch", []), ("watch-8", ["--concurrency=8"]))
]

"""A stack with one function that counts, mappings that it reads, and mappings that idle."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from harness.broker.sides import Load
from harness.place import Place, free_port
from harness.process import BenchError

FULL = "full"
TIMED = "timed"
PARTITIONS = 8
BATCH_SIZE = 500
COMMAND_S = 120
CLUSTER = (
    "arn:aws:kafka:us-east-1:000000000000:cluster/local/00000000-0000-0000-0000-000000000000-1"
)


class Stack:
    """Millrace in the background, on the embedded broker or on another Kafka."""

    def __init__(self, place: Place, folder: Path, kafka: str | None, idle: int) -> None:
        self._binary = place.programs / "millrace"
        self._data = folder / "data"
        bootstrap = folder / "artifacts" / "Counting" / "bootstrap"
        bootstrap.parent.mkdir(parents=True)
        shutil.copy(place.programs / "counting_function", bootstrap)
        template = folder / "template.json"
        template.write_text(json.dumps(_template(idle)))
        ports = [f"--{part}-port={free_port()}" for part in ("gateway", "lambda", "table", "kafka")]
        elsewhere = [] if kafka is None else ["--kafka", kafka]
        self.command(
            *("up", "--detach", "--wait", "--no-watch", "--template", str(template)),
            *("--artifacts", str(bootstrap.parent.parent), *ports, *elsewhere),
        )
        self.status: dict[str, Any] = json.loads(self.command("status", "--json"))
        self.kafka = str(self.status["kafka"])

    def command(self, *arguments: str) -> str:
        """A `cargo local` command on this stack."""
        argv = [str(self._binary), *arguments, "--data", str(self._data)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_S, check=False)
        if done.returncode != 0:
            raise BenchError(f"`{' '.join(arguments)}` failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def stop(self) -> None:
        """Ends it."""
        self.command("down")

    def resume(self, topic: str) -> None:
        """Begins to read a topic."""
        mappings = json.loads(self.command("mapping", "list", "--json"))["mappings"]
        found = [mapping["id"] for mapping in mappings if mapping["topic"] == topic]
        self.command("mapping", "resume", str(found[0]))

    def counted(self, metric: str, topic: str) -> int:
        """A mapping's counter."""
        address = f"{self.status['control']}/metrics"
        with urllib.request.urlopen(address, timeout=COMMAND_S) as answer:
            text = answer.read().decode()
        pattern = rf'^lambda_esm_{metric}_total\{{[^}}]*topic="{topic}"\}} (\d+)$'
        found = re.search(pattern, text, re.MULTILINE)
        return int(found[1]) if found else 0

    def waits_ms(self) -> list[float]:
        """What the function said of records that carried their time, in order."""
        log = self._data / "logs" / "counting.log"
        text = log.read_text() if log.exists() else ""
        return [int(micros) / 1e3 for micros in re.findall(r"waited (\d+) us", text)]

    def cpu_s(self) -> float:
        """User and system time of its process, functions apart."""
        pid = json.loads((self._data / "run.json").read_text())["pid"]
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)


def create_topics(load: Load, kafka: str, idle: int) -> None:
    """On a Kafka that is not ours."""
    for topic in (FULL, TIMED, *(f"idle-{number}" for number in range(idle))):
        load.call("create", kafka, topic, PARTITIONS)


def _template(idle: int) -> dict[str, Any]:
    topics = [FULL, TIMED, *(f"idle-{number}" for number in range(idle))]
    resources: dict[str, Any] = {
        f"Topic{number}": {
            "Type": "AWS::MSK::Topic",
            "Properties": {
                "ClusterArn": CLUSTER,
                "TopicName": topic,
                "PartitionCount": PARTITIONS,
                "ReplicationFactor": 1,
            },
        }
        for number, topic in enumerate(topics)
    }
    events = {
        f"Event{number}": {
            "Type": "MSK",
            "Properties": {
                "Stream": CLUSTER,
                "Topics": [topic],
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": BATCH_SIZE,
                "MaximumBatchingWindowInSeconds": 0,
                "Enabled": topic != FULL,
            },
        }
        for number, topic in enumerate(topics)
    }
    resources["Counting"] = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "FunctionName": "counting",
            "CodeUri": ".",
            "Handler": "bootstrap",
            "Runtime": "provided.al2023",
            "Events": events,
        },
    }
    return {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}

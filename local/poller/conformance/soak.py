"""Accounts for every record of a mapping with an on-failure destination, while everything that can die does.

Starts Millrace with one function, produces records, of which some cannot be processed, and from a seed kills the
mapping's poller, the function's environment and the whole process, and takes Kafka away. In the end every record that
Kafka acknowledged must have been processed, or lie in the destination; what cannot be processed must lie there, never
count as processed, and must not have been tried more often than the mapping allows. Prints one object of JSON.
"""

import argparse
import base64
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

TOPIC = "soak"
DEAD = "soak-dead"
FUNCTION = "soak"
PARTITIONS = 8
BATCH_SIZE = 50
RETRIES = 5
BAD_SHARE = 0.002
# A batch of 50 is split six times until a record is alone; a split does not count as an attempt.
SEEN_MAX = RETRIES + 1 + 6
DRAIN_S = 180
CLUSTER = "arn:aws:kafka:us-east-1:000000000000:cluster/local/00000000-0000-0000-0000-000000000000-1"

# The function: writes down what it processed, and fails on what it cannot process. Whatever is written down was
# processed in effect, once or again: the effect is the number in a set.
BOOTSTRAP = """#!{python}
import base64, http.client, json, os

address = os.environ["AWS_LAMBDA_RUNTIME_API"]
path = "/2018-06-01/runtime/invocation/"
effects = open("{effects}/" + str(os.getpid()), "a")
connection = http.client.HTTPConnection(address)

def call(method, rest, body=None):
    connection.request(method, path + rest, body)
    answer = connection.getresponse()
    return answer.headers, answer.read()

while True:
    headers, event = call("GET", "next")
    request, bad = headers["Lambda-Runtime-Aws-Request-Id"], False
    for records in json.loads(event)["records"].values():
        for record in records:
            value = json.loads(base64.b64decode(record["value"]))
            kind = "bad" if value["bad"] else "ok"
            effects.write(f"{{kind}} {{value['id']}} {{record['partition']}} {{record['offset']}}\\n")
            bad = bad or value["bad"]
    effects.flush()
    if bad:
        call("POST", request + "/error", json.dumps({{"errorType": "Bad", "errorMessage": "cannot be processed"}}))
    else:
        call("POST", request + "/response", "null")
"""


def template() -> dict[str, Any]:
    def topic(name: str, partitions: int) -> dict[str, Any]:
        properties = {
            "ClusterArn": CLUSTER,
            "TopicName": name,
            "PartitionCount": partitions,
            "ReplicationFactor": 1,
        }
        return {"Type": "AWS::MSK::Topic", "Properties": properties}

    mapping = {
        "Stream": CLUSTER,
        "Topics": [TOPIC],
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": BATCH_SIZE,
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRetryAttempts": RETRIES,
        "BisectBatchOnFunctionError": True,
        "DestinationConfig": {"OnFailure": {"Destination": f"kafka://{DEAD}"}},
        "ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 4},
    }
    function = {
        "FunctionName": FUNCTION,
        "CodeUri": ".",
        "Handler": "bootstrap",
        "Runtime": "provided.al2023",
        "Events": {"Kafka": {"Type": "MSK", "Properties": mapping}},
    }
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Metadata": {"Millrace": {"Mappings": {"RetryDelayMs": 50, "RetryDelayMaxMs": 500}}},
        "Resources": {
            "Topic": topic(TOPIC, PARTITIONS),
            "Dead": topic(DEAD, 4),
            "Soak": {"Type": "AWS::Serverless::Function", "Properties": function},
        },
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Cloud:
    """Millrace with its data in a folder; it comes back where it was."""

    def __init__(self, program: list[str], folder: Path) -> None:
        self.program = program
        self.data = folder / "data"
        self.effects = folder / "effects"
        self.effects.mkdir(parents=True)
        bootstrap = folder / "artifacts" / "Soak" / "bootstrap"
        bootstrap.parent.mkdir(parents=True)
        bootstrap.write_text(BOOTSTRAP.format(python=sys.executable, effects=self.effects))
        bootstrap.chmod(0o755)
        (folder / "template.json").write_text(json.dumps(template(), indent=1))
        ports = [f"--{part}-port={free_port()}" for part in ("gateway", "lambda", "table")]
        kafka = free_port()
        self.kafka = f"127.0.0.1:{kafka}"
        self.arguments = [
            "--template",
            str(folder / "template.json"),
            "--artifacts",
            str(bootstrap.parent.parent),
            *ports,
            f"--kafka-port={kafka}",
        ]

    def run(self, *arguments: str) -> None:
        command = [*self.program, *arguments, "--data", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{shlex.join(command)}: {done.stderr}")

    def up(self) -> None:
        self.run("up", "--detach", "--wait", "--no-watch", *self.arguments)

    def down(self) -> None:
        self.run("down")

    def kill(self) -> None:
        """Kills the process that is gateway, host, broker and poller, and starts it again."""
        pid = json.loads((self.data / "run.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
        self.up()


class Chaos(threading.Thread):
    """Breaks one thing after another, each kind in turn in an order of its own, until told to stop."""

    def __init__(self, cloud: Cloud, rng: random.Random) -> None:
        super().__init__()
        self.cloud = cloud
        self.rng = rng
        self.done: Counter[str] = Counter()
        self.failure: str | None = None
        self.stop = threading.Event()

    def run(self) -> None:
        kinds = ["kill-environment", "kill-poller", "stop-broker", "kill-everything"]
        try:
            while not self.stop.is_set():
                self.rng.shuffle(kinds)
                for kind in kinds:
                    if self.stop.wait(self.rng.uniform(0.5, 4.0)):
                        return
                    self.carry_out(kind)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            self.failure = str(error)

    def carry_out(self, kind: str) -> None:
        match kind:
            case "kill-everything":
                self.cloud.kill()
            case "stop-broker":
                self.cloud.run("fault", f"stop-broker:{self.rng.randint(200, 3_000)}ms")
            case _:
                self.cloud.run("fault", f"{kind}:{FUNCTION}")
        self.done[kind] += 1


class Produced:
    """What was sent, and what Kafka acknowledged."""

    def __init__(self, kafka: str) -> None:
        self.producer = KafkaProducer(
            bootstrap_servers=kafka,
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_block_ms=120_000,
            request_timeout_ms=5_000,
            delivery_timeout_ms=120_000,
            reconnect_backoff_max_ms=500,
        )
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.bad: set[int] = set()

    def send(self, rng: random.Random) -> None:
        number, bad = self.sent, rng.random() < BAD_SHARE
        self.sent += 1
        if bad:
            self.bad.add(number)
        value = json.dumps({"id": number, "bad": bad}).encode()
        sent = self.producer.send(TOPIC, value, partition=rng.randrange(PARTITIONS))
        sent.add_callback(lambda _metadata: self.acknowledged.add(number))

    def finish(self) -> None:
        self.producer.flush(timeout=120)
        self.producer.close()


class Found:
    """What functions wrote down, and what the destination holds."""

    def __init__(self, cloud: Cloud) -> None:
        self.effects = cloud.effects
        self.consumer = KafkaConsumer(DEAD, bootstrap_servers=cloud.kafka, auto_offset_reset="earliest")
        self.dead: set[int] = set()

    def look(self) -> tuple[set[int], Counter[tuple[str, str, str]]]:
        """The numbers processed, and how often each record that cannot be processed was seen."""
        for messages in self.consumer.poll(timeout_ms=500, max_records=5_000).values():
            for message in messages:
                for records in json.loads(message.value)["payload"]["records"].values():
                    self.dead.update(json.loads(base64.b64decode(r["value"]))["id"] for r in records)
        lines = [line.split() for file in self.effects.iterdir() for line in file.read_text().splitlines()]
        # The last line of a function that was killed may be a part of one.
        lines = [line for line in lines if len(line) == 4]
        processed = {int(line[1]) for line in lines if line[0] == "ok"}
        return processed, Counter((line[1], line[2], line[3]) for line in lines if line[0] == "bad")


def account(produced: Produced, found: Found, wait_s: float) -> dict[str, Any]:
    end = time.monotonic() + wait_s
    while True:
        processed, seen = found.look()
        good = produced.acknowledged - produced.bad
        lost = good - processed - found.dead
        missing = (produced.acknowledged & produced.bad) - found.dead
        if not (lost or missing) or time.monotonic() > end:
            break
        time.sleep(1)
    return {
        "sent": produced.sent,
        "acknowledged": len(produced.acknowledged),
        "processed": len(processed),
        "in_destination": len(found.dead),
        "cannot_be_processed": len(produced.acknowledged & produced.bad),
        "lost": len(lost) + len(missing),
        "processed_although_bad": len(processed & produced.bad),
        "tried_too_often": sum(count > SEEN_MAX for count in seen.values()),
        "most_tries": max(seen.values(), default=0),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a new folder for data and results")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=500, help="records a second")
    parser.add_argument("--program", default="cargo local")
    options = parser.parse_args()
    cloud = Cloud(shlex.split(options.program), options.folder)
    rng = random.Random(options.seed)
    chaos = Chaos(cloud, random.Random(rng.random()))
    cloud.up()
    try:
        produced = Produced(cloud.kafka)
        began = time.monotonic()
        chaos.start()
        while time.monotonic() < began + options.seconds and not chaos.failure:
            produced.send(rng)
            time.sleep(max(0.0, began + produced.sent / options.rate - time.monotonic()))
        chaos.stop.set()
        chaos.join()
        produced.finish()
        results = account(produced, Found(cloud), DRAIN_S)
    finally:
        chaos.stop.set()
        cloud.down()
    results = {"seed": options.seed, "seconds": options.seconds, **results, "faults": dict(chaos.done)}
    print(json.dumps(results))
    (options.folder / "soak.json").write_text(json.dumps(results) + "\n")
    if chaos.failure:
        print(f"error: {chaos.failure}", file=sys.stderr)
    wrong = results["lost"] + results["processed_although_bad"] + results["tried_too_often"]
    # Nothing that was acknowledged is lost where nothing is acknowledged: that proves nothing.
    few = results["acknowledged"] < 0.9 * results["sent"] or results["cannot_be_processed"] == 0
    return 1 if wrong or few or chaos.failure or len(chaos.done) < 4 else 0


sys.exit(main())

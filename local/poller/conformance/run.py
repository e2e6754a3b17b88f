"""Conformance of event source mappings: each case is a topic, a mapping and a function, all at once.

The system is a black box: it is given a SAM template, finds Kafka and an Invoke API where it is told to, and is judged
by what the functions were sent, what Kafka holds and what destinations got. Another emulator, or AWS behind a tunnel,
takes the place of ours with --system; it is started with the template's path and the Invoke API's URL as arguments,
prints one line of JSON {"kafka": "host:port", "destinations": "folder"} once it is ready, and ends with its input. It
is started twice with the same data, first with every mapping disabled, for records that are there before mappings.
Four more entries are for what AWS shows elsewhere: "metrics", a URL with Prometheus's text; "logs", a folder with the
lines of each mapping's log in a file; "mappings", a URL with {"mappings": [{"function", "state",
"state_transition_reason", "last_processing_result", "pollers"}]}, in AWS's words; and "kill", the command that kills the
poller of the function {name}.
"""

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cases import CASES, Case, Record, Seen
from endpoint import Endpoint, Function
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

PATIENCE_S = 60
SETTLE_S = 15
CLUSTER = "arn:aws:kafka:us-east-1:000000000000:cluster/local/00000000-0000-0000-0000-000000000000-1"
LARGE = base64.b64encode(b"max.message.bytes=8000000\n").decode()


def fill(value: Any, name: str) -> Any:
    """Puts the case's name into its settings."""
    if isinstance(value, str):
        return value.replace("{name}", name)
    if isinstance(value, list):
        return [fill(inner, name) for inner in value]
    if isinstance(value, dict):
        return {key: fill(inner, name) for key, inner in value.items()}
    return value


def template(enabled: bool) -> dict[str, Any]:
    resources: dict[str, Any] = {}

    def topic(name: str, partitions: int) -> None:
        resources[f"Topic{len(resources)}"] = {
            "Type": "AWS::MSK::Topic",
            "Properties": {
                "ClusterArn": CLUSTER,
                "TopicName": name,
                "PartitionCount": partitions,
                "ReplicationFactor": 1,
                "Configs": LARGE,
            },
        }

    for case in CASES:
        if case.partitions:
            topic(case.name, case.partitions)
        if case.dead_letters:
            topic(f"{case.name}-dead", 1)
        properties = {
            "Topics": [case.name],
            "StartingPosition": "TRIM_HORIZON",
            "ConsumerGroupId": case.name,
            "MaximumBatchingWindowInSeconds": 1,
            **fill(case.settings, case.name),
        }
        if not enabled:
            properties["Enabled"] = False
        if case.self_managed:
            properties["KafkaBootstrapServers"] = [{"Ref": "Kafka"}]
            properties["SourceAccessConfigurations"] = [{"Type": "VPC_SUBNET", "URI": "subnet:x"}]
        else:
            properties["Stream"] = CLUSTER
        kind = "SelfManagedKafka" if case.self_managed else "MSK"
        resources[f"Function{len(resources)}"] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionName": case.name,
                "CodeUri": ".",
                "Handler": "bootstrap",
                "Runtime": "provided.al2023",
                "Events": {"Kafka": {"Type": kind, "Properties": properties}},
            },
        }
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Metadata": {
            "Millrace": {
                "Parameters": {"Kafka": "${kafka.bootstrap}"},
                "Mappings": {"RetryDelayMs": 20, "RetryDelayMaxMs": 100},
            }
        },
        "Parameters": {"Kafka": {"Type": "String", "Default": "localhost:9092"}},
        "Resources": resources,
    }


def produce(kafka: str, records: list[tuple[Case, Record]]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, max_request_size=8_000_000, linger_ms=0)
    for case, record in records:
        producer.send(
            case.name,
            record.value,
            key=record.key,
            headers=record.headers,
            partition=record.partition,
            timestamp_ms=record.timestamp_ms,
        )
    producer.flush(timeout=60)
    producer.close()


def commit_before(kafka: str) -> None:
    for case in (case for case in CASES if case.committed_before is not None):
        consumer = KafkaConsumer(bootstrap_servers=kafka, group_id=case.name, enable_auto_commit=False)
        place = TopicPartition(case.name, 0)
        consumer.assign([place])
        consumer.commit({place: OffsetAndMetadata(case.committed_before, "", -1)})
        consumer.close()


def wait_for_positions(kafka: str) -> None:
    """What begins at the end begins once it is there; who commits nothing until then is given time."""
    end = time.monotonic() + SETTLE_S
    late = [case for case in CASES if case.early and case.records]
    while time.monotonic() < end and any(None in committed(kafka, case).values() for case in late):
        time.sleep(0.2)


def unsettle(kafka: str, case: Case, stop: threading.Event) -> None:
    """Joins the group and leaves it again, until told to stop."""
    while not stop.is_set():
        member = KafkaConsumer(case.name, bootstrap_servers=kafka, group_id=case.name, enable_auto_commit=False)
        end = time.monotonic() + 10
        while not member.assignment() and time.monotonic() < end and not stop.is_set():
            member.poll(timeout_ms=100, max_records=1)
        member.close()
        stop.wait(1.0)


def kill_pollers(command: list[str], case: Case, function: Function, stop: threading.Event) -> None:
    for kill in range(case.kills):
        before = len(function.invocations)
        while len(function.invocations) == before and not stop.wait(0.02):
            pass
        done = subprocess.run(fill(command, case.name), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"kill {kill} of {case.name}: {done.stderr}", file=sys.stderr)


@contextmanager
def trouble(functions: dict[str, Function], system: dict[str, Any]) -> Iterator[None]:
    """What cases suffer while they run."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=unsettle, args=(system["kafka"], case, stop))
        for case in CASES
        if case.unrest
    ]
    threads += [
        threading.Thread(target=kill_pollers, args=(system["kill"], case, functions[case.name], stop))
        for case in CASES
        if case.kills and "kill" in system
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def committed(kafka: str, case: Case) -> dict[int, int | None]:
    consumer = KafkaConsumer(bootstrap_servers=kafka, group_id=case.name, enable_auto_commit=False)
    try:
        places = range(case.partitions)
        return {number: consumer.committed(TopicPartition(case.name, number)) for number in places}
    finally:
        consumer.close()


def dead_letters(kafka: str, case: Case) -> list[tuple[bytes | None, dict[str, Any]]]:
    if not case.dead_letters:
        return []
    consumer = KafkaConsumer(f"{case.name}-dead", bootstrap_servers=kafka, auto_offset_reset="earliest")
    try:
        polled = consumer.poll(timeout_ms=1_000)
        messages = [message for found in polled.values() for message in found]
        return [(message.key, json.loads(message.value)) for message in messages]
    finally:
        consumer.close()


def files(destinations: str, case: Case) -> list[dict[str, Any]]:
    found = Path(destinations).glob(f"*/{case.name}/**/*.json")
    return [json.loads(path.read_text()) for path in sorted(found)]


def metrics(system: dict[str, Any], case: Case) -> dict[str, float]:
    """The samples of the case's function, by the name of the metric without prefix and `_total`."""
    if case.section != "3.8" or "metrics" not in system:
        return {}
    with urllib.request.urlopen(system["metrics"], timeout=30) as answer:
        text = answer.read().decode()
    samples = re.findall(r"^lambda_esm_(\w+?)(?:_total)?\{(.*)\} (\S+)$", text, re.MULTILINE)
    own = f'function="{case.name}"'
    return {name: float(value) for name, labels, value in samples if own in labels and "partition=" not in labels}


def log(system: dict[str, Any], case: Case) -> list[dict[str, Any]]:
    """The lines of the file in which a poller of the case's group says who it is."""
    if case.section != "3.9" or "logs" not in system:
        return []
    for path in Path(system["logs"]).glob("*.log"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        connections = [line.get("kafkaEventSourceConnection", {}) for line in lines]
        if any(connection.get("consumerGroupId") == case.name for connection in connections):
            return lines
    return []


def mapping(system: dict[str, Any], case: Case) -> dict[str, Any]:
    """What the mapping of the case's function says of itself."""
    if case.section not in ("3.2", "3.10") or "mappings" not in system:
        return {}
    with urllib.request.urlopen(system["mappings"], timeout=30) as answer:
        mappings = json.load(answer)["mappings"]
    return next((mapping for mapping in mappings if mapping["function"] == case.name), {})


def judge(case: Case, function: Function, system: dict[str, Any]) -> bool:
    kafka = system["kafka"]
    seen = Seen(
        case.name,
        kafka,
        list(function.invocations),
        committed(kafka, case),
        dead_letters(kafka, case),
        files(system["destinations"], case),
        metrics(system, case),
        log(system, case),
        mapping(system, case),
    )
    return case.check(seen)


def judge_all(functions: dict[str, Function], system: dict[str, Any]) -> dict[str, bool]:
    """Asks again until everything holds or the time is over; what must stay as it is is asked once more at the end."""
    results = {case.name: False for case in CASES}
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and not all(results.values()):
        for case in (case for case in CASES if not results[case.name]):
            results[case.name] = judge(case, functions[case.name], system)
    time.sleep(max(case.quiet_s for case in CASES))
    for case in (case for case in CASES if case.quiet_s):
        results[case.name] = judge(case, functions[case.name], system)
    return results


def table(results: dict[str, bool]) -> str:
    lines = [
        "# Event source mappings, case by case",
        "",
        "Written by `.ci/mappings --write`: a template with one mapping for each line, a Kafka, and an Invoke API that",
        "records what it is asked. Sections are those of our notes on what AWS does: 1 the event, 2 settings, 3 what",
        "becomes of batches.",
        "",
        "| section | AWS | here |",
        "|---|---|---|",
    ]
    lines += [f"| {c.section} | {c.says} | {'holds' if results[c.name] else '**does not hold**'} |" for c in CASES]
    return "\n".join(lines) + "\n"


@contextmanager
def running(program: str, template: Path, endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    command = [program, str(template), endpoint.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        line = process.stdout.readline()
        if not line:
            sys.exit("error: the system did not start")
        yield json.loads(line)
        process.stdin.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", required=True, help="the program under test")
    parser.add_argument("--table", type=Path, help="compare the table of results with this file")
    parser.add_argument("--events", type=Path, help="write every event here, a line each")
    parser.add_argument("--write", action="store_true", help="write that file")
    options = parser.parse_args()
    functions = {case.name: Function(case.behaviour) for case in CASES}
    endpoint = Endpoint(functions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.yaml"
        path.write_text(json.dumps(template(enabled=False), indent=1))
        with running(options.system, path, endpoint) as system:
            produce(system["kafka"], [(case, record) for case in CASES for record in case.early])
            commit_before(system["kafka"])
        path.write_text(json.dumps(template(enabled=True), indent=1))
        with running(options.system, path, endpoint) as system:
            wait_for_positions(system["kafka"])
            produce(system["kafka"], [(case, record) for case in CASES for record in case.records])
            with trouble(functions, system):
                results = judge_all(functions, system)
    for case in CASES:
        print(f"{'ok  ' if results[case.name] else 'FAIL'} {case.section:4} {case.says}")
        if not results[case.name]:
            print("     invoked with", [i.offsets() for i in functions[case.name].invocations])
    if options.events:
        events = [invocation.event for function in functions.values() for invocation in function.invocations]
        options.events.write_text("".join(json.dumps(event) + "\n" for event in events))
    text = table(results)
    if options.table and options.write:
        options.table.write_text(text)
    elif options.table and options.table.read_text() != text:
        print(f"error: {options.table} says something else", file=sys.stderr)
        return 1
    return 0 if all(results.values()) else 1


sys.exit(main())

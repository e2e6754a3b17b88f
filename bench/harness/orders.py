"""The order pipeline beside the seed's three services, on one real Kafka, in turns."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from kafka import KafkaAdminClient

from harness.kafka import Kafka
from harness.place import PEERS, ROOT, SCRATCH, Place, find, free_port
from harness.process import BenchError, Program
from harness.waiting import wait_for

PARTITIONS = 4
START_S = 300
END_S = 600
STOP_S = 30


@dataclass(frozen=True)
class Side:
    """One of the two, running."""

    url: str
    counted: Callable[[], int]
    """How many orders are in its figures."""


@dataclass(frozen=True)
class Figures:
    """What one round showed."""

    p50_ms: float
    p99_ms: float
    placed: float
    finished: float


def get(url: str) -> dict[str, Any]:
    """The JSON at an address."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def answers(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        get(url)
    except OSError:
        return False
    return True


@contextmanager
def seed(place: Place, kafka: Kafka) -> Iterator[Side]:
    """Flask on gunicorn, and two consumers; with topics and groups of their own for each round."""
    name = f"seed-{time.monotonic_ns()}"
    topics = {"ORDERS_TOPIC": f"{name}-orders", "INVENTORY_TOPIC": f"{name}-inventory"}
    create_topics(kafka.bootstrap, list(topics.values()))
    port, metrics = free_port(), free_port()
    python, log = sys.executable, place.run / "seed.log"
    server: list[str | Path] = [place.tool("gunicorn"), "orders_producer:app"]
    with ExitStack() as stack:
        commands: list[list[str | Path]] = [
            [*server, f"--bind=127.0.0.1:{port}", "--workers=2", "--threads=16"],
            [python, "orders_inventory.py"],
            [python, "orders_analytics.py", str(metrics)],
        ]
        for command in commands:
            environment = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap, **topics}
            program = Program(command, log, environment=environment, folder=PEERS / "python")
            stack.callback(program.stop)
        url, figures = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics}/"
        wait_for("seed", START_S, lambda: answers(f"{url}/health") and answers(figures))
        yield Side(url, lambda: int(get(figures)["total_orders"]))


@contextmanager
def ours(place: Place, kafka: Kafka) -> Iterator[Side]:
    """`cargo local up` on the same Kafka, with data and topics of its own for each round."""
    data = place.run / f"data-{time.monotonic_ns()}"
    millrace = place.programs / "millrace"
    ports = [f"--{part}-port=0" for part in ("gateway", "lambda", "kafka", "table")]
    name = f"round-{time.monotonic_ns()}"
    parameters = [
        f"EventsTopicName={name}",
        f"OrdersTopicName={name}-orders",
        f"InventoryTopicName={name}-inventory",
        "InitialStock=pizza=1000000,burger=1000000,salad=1000000,coffee=1000000",
    ]
    up: list[str | Path] = [
        millrace,
        "up",
        "--detach",
        "--wait",
        "--data",
        data,
        *place.release_flag,
        *ports,
    ]
    up += ["--kafka", kafka.bootstrap, "--parameter-overrides", *parameters]
    try:
        subprocess.run(up, cwd=ROOT, check=True, timeout=START_S, stdout=subprocess.DEVNULL)
        status = subprocess.run(
            [millrace, "status", "--json", "--data", data],
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=STOP_S,
        )
        url = str(json.loads(status.stdout)["gateway"])
        yield Side(url, lambda: int(get(f"{url}/analytics")["total_orders"]))
    finally:
        subprocess.run([millrace, "down", "-v", "--data", data], cwd=ROOT, check=False)


def create_topics(bootstrap: str, names: list[str]) -> None:
    """Makes topics as the template has them."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    settings = {"num_partitions": PARTITIONS, "replication_factor": 1}
    admin.create_topics(dict.fromkeys(names, settings))
    admin.wait_for_topics(names)
    admin.close()


def load(place: Place, side: Side, orders: int, connections: int) -> dict[str, Any]:
    """Places orders with the generator that both get."""
    data = place.run / "load"
    done = subprocess.run(
        [
            place.programs / "millrace",
            "load",
            "--scenario",
            "orders",
            "--url",
            side.url,
            "--requests",
            str(orders),
            "--connections",
            str(connections),
            "--json",
            "--data",
            data,
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=END_S,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    if report["accepted"] != orders:
        raise BenchError(f"{report['accepted']} of {orders} orders were accepted")
    return report


def measure(place: Place, side: Side, orders: int) -> Figures:
    """Latency of one client, then many orders to the end."""
    load(place, side, 50, 1)
    alone = load(place, side, 200, 1)["latency_ms"]
    wait_for("the first orders", END_S, lambda: side.counted() >= 250)
    start = time.monotonic()
    many = load(place, side, orders, 64)
    wait_for("the figures", END_S, lambda: side.counted() >= 250 + orders)
    seconds = time.monotonic() - start
    return Figures(alone["p50"], alone["p99"], many["rate"], orders / seconds)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="bench/orders")
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", choices=("release", "dev"), default="release")
    options = parser.parse_args()
    run = SCRATCH / f"orders-{time.strftime('%Y%m%d-%H%M%S')}"
    run.mkdir(parents=True)
    place = find(options.profile, run)
    kafka = Kafka(run / "kafka", run / "kafka.log")
    found: dict[str, list[Figures]] = {"millrace": [], "seed": []}
    try:
        for _ in range(options.rounds):
            for name, start in (("millrace", ours), ("seed", seed)):
                with start(place, kafka) as side:
                    found[name].append(measure(place, side, options.orders))
                    print(f"{name}: {found[name][-1]}", file=sys.stderr)
    finally:
        kafka.stop()
        shutil.rmtree(run / "load", ignore_errors=True)
    print("| | p50 alone, ms | p99 alone, ms | placed/s | counted/s |\n|---|---|---|---|---|")
    for name, rounds in found.items():
        columns = ("p50_ms", "p99_ms", "placed", "finished")
        middle = [median(getattr(figures, column) for figures in rounds) for column in columns]
        print(f"| {name} | " + " | ".join(f"{figure:.1f}" for figure in middle) + " |")
    return 0

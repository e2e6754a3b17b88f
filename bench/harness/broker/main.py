"""`bench/broker`: measures both brokers in turns, prints the tables, writes the document."""

from __future__ import annotations

import argparse
import json
import random
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness import machine, place
from harness.broker.cases import Amounts, Figure, cases
from harness.broker.report import Results, render
from harness.broker.sides import Kafka, Load, Ours, Side, settle
from harness.process import BenchError

MACHINE = ("Machine", "System", "Load before", "Millrace", "Rust", "Java")


def main() -> int:
    """Return 0 when everything was measured."""
    arguments = _parser().parse_args()
    amounts = Amounts(arguments.mib, arguments.log_mib, arguments.seconds, arguments.consumers)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    began = datetime.now(UTC)
    facts = {name: text for name, text in machine.describe().items() if name in MACHINE}
    facts |= {"Kafka": "3.9.1 with ZooKeeper, `compose/kafka.properties`"}
    facts |= {"Date": f"{began:%Y-%m-%d %H:%M} UTC", "Command": f"`{_command(seed)}`"}
    run = place.SCRATCH / f"{began:%Y%m%d-%H%M%S}-broker"
    results, failed = Results(), False
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        where = place.find(arguments.profile, run)
        for number in range(1, arguments.runs + 1):
            _round(results, number, random.Random(seed + number), where, amounts)
    except BenchError as error:
        _say(f"error: {error}")
        failed = True
    finally:
        run.mkdir(parents=True, exist_ok=True)
        (run / "results.json").write_text(json.dumps(results.to_json(), indent=1))
        _say(f"raw results in {run / 'results.json'}")
    text = render(results, facts, arguments.profile)
    print(text)
    if not failed:
        arguments.out.write_text(text)
        _say(f"written to {arguments.out}")
    return 1 if failed else 0


def _round(
    results: Results, number: int, chance: random.Random, where: place.Place, amounts: Amounts
) -> None:
    """Both brokers on empty data: started, loaded case by case in turns, started again."""
    folder = where.run / f"round-{number}"
    folder.mkdir(parents=True)
    load = Load(where.programs / "kafka_load")
    ours = Ours(where.programs / "broker_alone", folder, load)
    kafka: Side | None = None
    try:
        kafka = Kafka(folder, load)
        sides: Sequence[Side] = (ours, kafka)

        def each() -> list[Side]:
            return chance.sample(sides, k=len(sides))

        def note(side: Side, figure: Figure) -> None:
            results.add(side.name, number, figure)
            _say(f"round {number}: {side.name}: {figure.case}: {figure.value:,.3f} {figure.what}")

        for side in each():
            note(side, Figure("Start on empty data", "seconds", side.start()))
        for case in cases(amounts):
            for side in each():
                for figure in case.run(load, side):
                    note(side, figure)
        for side in each():
            side.stop()
            settle()
            seconds = side.start()
            note(side, Figure(f"Start on {amounts.log_mib} MiB and more", "seconds", seconds))
    finally:
        ours.remove()
        if kafka is not None:
            kafka.remove()
        shutil.rmtree(folder / "ours", ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/broker", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="rounds [3]")
    parser.add_argument("--mib", type=int, default=256, help="per size and partitions [256]")
    parser.add_argument("--log-mib", type=int, default=1024, help="the large log [1024]")
    parser.add_argument("--seconds", type=float, default=5, help="of waiting cases [5]")
    parser.add_argument("--consumers", type=int, default=1000, help="that are idle [1000]")
    parser.add_argument("--seed", type=int, help="of the order")
    parser.add_argument("--profile", choices=["release", "dev"], default="release")
    parser.add_argument("--out", type=Path, default=place.ROOT / "docs" / "broker-benchmarks.md")
    return parser


def _command(seed: int) -> str:
    """What repeats this run, in this order."""
    given = [] if "--seed" in sys.argv else [f"--seed={seed}"]
    return shlex.join(["bench/broker", *sys.argv[1:], *given])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

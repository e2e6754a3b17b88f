"""`bench/run`: measures every row in turn, prints the tables, writes the document."""

from __future__ import annotations

import argparse
import json
import random
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from harness import machine, place, report, rows
from harness.bench import Bench, Options
from harness.kafka import Kafka
from harness.model import Candidate, Sample
from harness.process import BenchError
from harness.results import Failure, Results
from harness.schedule import Turn, turns
from harness.suites import SUITES
from harness.suites.backlog import records


def main() -> int:
    """Return 0 when all that was asked for was measured, 1 when a candidate failed."""
    candidates = rows.load()
    arguments = _parser(candidates).parse_args()
    chosen = [c for c in candidates if not arguments.only or c.name in arguments.only]
    options = Options(
        seconds=arguments.seconds,
        warm_up_s=arguments.warm_up,
        runs=arguments.runs,
        connections=arguments.connections,
        records=arguments.records,
        seed=arguments.seed if arguments.seed is not None else random.randrange(1_000_000),
    )
    began = datetime.now(UTC)
    occasion = report.Occasion(began, _command(options), machine.describe(), arguments.profile)
    run = place.SCRATCH / f"{began:%Y%m%d-%H%M%S}"
    _say(f"seed {options.seed}; logs in {run}")
    results = Results()
    # Like Ctrl-C: what runs is ended, what was measured is kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _measure(results, chosen, options, place.find(arguments.profile, run))
    finally:
        _keep(results, occasion, options, arguments.json or run / "results.json")
    text = report.render(results, chosen, options, occasion)
    print(text)
    arguments.out.write_text(text)
    _say(f"written to {arguments.out}")
    return 1 if results.failures or (arguments.strict and results.wrong()) else 0


def _measure(
    results: Results, chosen: Sequence[Candidate], options: Options, where: place.Place
) -> None:
    kafka = Kafka(where.run / "kafka", where.run / "kafka.log")
    try:
        bench = Bench(where, kafka, options)
        # A Java that has just started would make the first candidate slow.
        kafka.fresh()
        kafka.fill(records(options.records))
        for turn in turns(chosen, SUITES, options.runs, options.seed):
            _take(results, turn, bench)
    finally:
        kafka.stop()
        for folder in where.run.glob("*-data-*"):
            shutil.rmtree(folder)


def _take(results: Results, turn: Turn, bench: Bench) -> None:
    suite = SUITES[turn.suite]
    suite.prepare(bench)
    for candidate in turn.candidates:
        try:
            for outcome in suite.measure(bench, candidate):
                results.samples.append(Sample(suite.name, candidate.name, turn.round, outcome))
                doubts = "; ".join([*outcome.problems, *outcome.doubts])
                _say(
                    f"round {turn.round}: {candidate.name}, {outcome.case}: "
                    f"{outcome.rate:,.0f} {suite.unit} {doubts}"
                )
        except BenchError as error:
            failure = Failure(suite.name, candidate.name, turn.round, str(error))
            results.failures.append(failure)
            _say(f"round {turn.round}: {candidate.name} failed: {error}")
        finally:
            bench.stop_all()


def _keep(results: Results, occasion: report.Occasion, options: Options, file: Path) -> None:
    """Also of a run that was cut short."""
    if not results.samples and not results.failures:
        return
    about = {"began": occasion.began.isoformat(), "command": occasion.command}
    content = about | {"machine": dict(occasion.machine), "options": asdict(options)}
    file.write_text(json.dumps(content | results.to_json(), indent=1))
    _say(f"raw results in {file}")


def _parser(candidates: Sequence[Candidate]) -> argparse.ArgumentParser:
    names = [candidate.name for candidate in candidates]
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="per measurement [8]")
    parser.add_argument("--warm-up", type=float, default=3, help="seconds before it [3]")
    parser.add_argument("--runs", type=int, default=3, help="rounds [3]")
    parser.add_argument("--connections", type=_numbers, default=[1, 64, 256], help="[1,64,256]")
    parser.add_argument("--records", type=int, default=200_000, help="of the backlog [200000]")
    parser.add_argument("--only", type=_names(names), help=f"of {', '.join(names)}")
    parser.add_argument("--seed", type=int, help="of the order")
    parser.add_argument("--strict", action="store_true", help="fail also for wrong answers")
    parser.add_argument("--profile", choices=["release", "dev"], default="release")
    parser.add_argument("--json", type=Path, help="keep the raw results there")
    parser.add_argument("--out", type=Path, default=place.ROOT / "docs" / "benchmarks.md")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _names(known: Sequence[str]):  # type: ignore[no-untyped-def]
    def parse(text: str) -> list[str]:
        names = text.split(",")
        unknown = ", ".join(name for name in names if name not in known)
        if unknown:
            raise argparse.ArgumentTypeError(f"no row is called {unknown}")
        return names

    return parse


def _command(options: Options) -> str:
    """What repeats this run, in this order."""
    seed = [] if "--seed" in sys.argv else [f"--seed={options.seed}"]
    return shlex.join(["bench/run", *_without_places(sys.argv[1:]), *seed])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _without_places(arguments: list[str]) -> list[str]:
    """Where results go changes nothing about them, and is nobody's business."""
    kept: list[str] = []
    given = iter(arguments)
    for argument in given:
        if argument in ("--json", "--out"):
            next(given, None)
        elif not argument.startswith(("--json=", "--out=")):
            kept.append(argument)
    return kept

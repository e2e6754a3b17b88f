"""The consumer of the projects before this one: kafka-python, a line in a file per record."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench import Bench
from harness.kafka import EVENTS
from harness.model import Candidate
from harness.place import PEERS
from harness.process import Program


@dataclass
class Appender:
    """How far it is, its file says."""

    program: Program
    file: Path
    _read_bytes: int = 0
    _lines: int = field(default=0)

    def pids(self) -> list[int]:
        """Its own."""
        return self.program.pids()

    def check(self) -> None:
        """Fails when it has ended."""
        self.program.check()

    def processed(self) -> int:
        """Lines in the file, of which only the new ones are read."""
        if self.file.exists():
            with self.file.open("rb") as lines:
                lines.seek(self._read_bytes)
                new = lines.read()
            self._read_bytes += len(new)
            self._lines += new.count(b"\n")
        return self._lines

    def problems(self, records: int) -> list[str]:
        """Every record has its line, once."""
        with self.file.open() as lines:
            ids = [line.split()[1] for line in lines]
        twice, lost = len(ids) - len(set(ids)), records - len(set(ids))
        return [f"{lost} records lost, {twice} twice"] if lost or twice else []


def start(bench: Bench) -> Appender:
    """As a group of its own."""
    folder = bench.folder("seed-consumer-data")
    file = folder / "processed_events.txt"
    program = bench.program(
        "seed-consumer",
        [
            sys.executable,
            PEERS / "python" / "seed_consumer.py",
            bench.kafka.bootstrap,
            EVENTS,
            folder.name,
            file,
        ],
    )
    return Appender(program, file)


ROWS = [
    Candidate(
        suite="backlog",
        name="seed-consumer",
        title="kafka-python, a line in a file per record",
        start=start,
        note="at least once, no status, nothing to look up",
    )
]

"""What suites and rows are given: where things are, the Kafka, the options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.kafka import Kafka
from harness.place import Place
from harness.process import Program


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    seconds: float
    warm_up_s: float
    runs: int
    connections: list[int]
    records: int
    seed: int


@dataclass
class Bench:
    """One run of the command."""

    place: Place
    kafka: Kafka
    options: Options
    _started: dict[str, int] = field(default_factory=dict)
    _programs: list[Program] = field(default_factory=list)

    def folder(self, name: str) -> Path:
        """A new folder for a program that is about to start."""
        count = self._started[name] = self._started.get(name, 0) + 1
        folder = self.place.run / f"{name}-{count}"
        folder.mkdir(parents=True)
        return folder

    def program(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Program:
        """Starts a program whose output goes to a folder of its own."""
        log = self.folder(name) / "log"
        program = Program(argv, log, environment=environment, folder=cwd)
        self._programs.append(program)
        return program

    def stop_all(self) -> None:
        """Ends what still runs: a candidate that failed in the middle of its start, for one."""
        while self._programs:
            self._programs.pop().stop()

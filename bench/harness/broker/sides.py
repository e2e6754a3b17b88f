"""The two brokers: each is started, stopped and started again on data of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Protocol

import psutil

from harness.kafka import script
from harness.place import free_port
from harness.process import BenchError, Program
from harness.usage import MIB

START_S = 120
"""How long a broker may take to answer."""
CALL_S = 600
"""How long one call of the client may take."""


class Load:
    """The client: a program that does one thing and prints what came of it."""

    def __init__(self, program: Path) -> None:
        if not program.exists():
            raise BenchError(f"{program} is not built; run bench/setup first")
        self._program = program

    def call(self, *arguments: object) -> dict[str, Any]:
        """One call of `kafka_load`."""
        argv = [str(self._program), *map(str, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=CALL_S, check=False)
        if done.returncode != 0:
            raise BenchError(f"kafka_load {' '.join(argv[1:])}: {done.stderr.strip()[-300:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def ready(self, broker: str) -> subprocess.Popen[str]:
        """Begins to ask until somebody answers."""
        argv = [str(self._program), "ready", broker, str(START_S)]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


class Side(Protocol):
    """One of the two brokers."""

    name: str
    address: str

    def start(self) -> float:
        """Starts it; the seconds until it answered."""

    def pid(self) -> int:
        """Its process."""

    def stop(self) -> None:
        """Ends it kindly; its data stays."""

    def remove(self) -> None:
        """Ends all that belongs to it."""


def cpu_s(side: Side) -> float:
    """User and system time since it was started."""
    times = psutil.Process(side.pid()).cpu_times()
    return float(times.user + times.system)


def resident_mib(side: Side) -> float:
    """Its memory now."""
    return float(psutil.Process(side.pid()).memory_info().rss / MIB)


class Ours:
    """The embedded broker, alone in a process."""

    name = "ours"

    def __init__(self, program: Path, run: Path, load: Load) -> None:
        if not program.exists():
            raise BenchError(f"{program} is not built; run bench/setup first")
        port = free_port()
        self._argv: list[str | Path] = [program, str(port), run / "ours"]
        self._log = run / "ours.log"
        self._load = load
        self.address = f"127.0.0.1:{port}"
        self._program: Program | None = None

    def start(self) -> float:
        """The clock runs from before the process is made."""
        asking = self._load.ready(self.address)
        self._program = Program(self._argv, self._log)
        return _answered(asking)

    def pid(self) -> int:
        """Its process."""
        if self._program is None:
            raise BenchError("our broker does not run")
        return self._program.pids()[0]

    def stop(self) -> None:
        """SIGTERM."""
        if self._program is not None:
            self._program.stop()
            self._program = None

    def remove(self) -> None:
        """Its data goes with the run's folder."""
        self.stop()


class Kafka:
    """A real Kafka with the settings of `compose/`, its heap as its own scripts set it: 1 GiB."""

    name = "kafka"

    def __init__(self, run: Path, load: Load) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self._data = run / "kafka"
        self._log = run / "kafka-scripts.log"
        self._load = load
        self._environment = {
            **os.environ,
            "KAFKA_PORT": str(port),
            "ZOOKEEPER_PORT": str(free_port()),
            "KAFKA_DATA": str(self._data),
            "KAFKA_TOPICS": "",
        }
        # ZooKeeper runs all the time and counts for nothing.
        self._script("up")
        self.stop()

    def start(self) -> float:
        """The clock runs from before the script that starts Java, which takes some 20 ms itself."""
        asking = self._load.ready(self.address)
        self._script("up", "kafka")
        return _answered(asking)

    def pid(self) -> int:
        """Java's."""
        return int((self._data / "kafka.pid").read_text())

    def stop(self) -> None:
        """SIGTERM, and the wait for it."""
        self._script("down", "kafka")

    def remove(self) -> None:
        """ZooKeeper too."""
        self._script("down", "-v")

    def _script(self, name: str, *arguments: str) -> None:
        script(self._log, self._environment, name, *arguments)


def _answered(asking: subprocess.Popen[str]) -> float:
    try:
        said, _ = asking.communicate(timeout=START_S)
    except subprocess.TimeoutExpired:
        asking.send_signal(signal.SIGKILL)
        asking.communicate()
        raise BenchError("the broker did not answer in time") from None
    if asking.returncode != 0:
        raise BenchError("the broker did not answer in time")
    return float(json.loads(said)["seconds"])


def settle() -> None:
    """Lets what was written reach the disk, so that the other does not wait for it."""
    os.sync()
    time.sleep(0.5)

"""What a stretch of work cost the candidate, Kafka and the generator."""

from __future__ import annotations

import time

from harness.bench import Bench
from harness.model import Cost, Running
from harness.usage import snapshot


class Meter:
    """Reads everything when it is made, and again at the end."""

    def __init__(self, bench: Bench, running: Running) -> None:
        self._bench = bench
        self._pids = running.pids()
        self._cpu_s = snapshot(self._pids).cpu_s
        self._kafka_cpu_s = _kafka_cpu_s(bench)
        self._begun = time.monotonic()

    def read(self, generator_cpu_s: float = 0.0) -> Cost:
        """The cost since the meter was made; memory as it is now."""
        elapsed_s = time.monotonic() - self._begun
        now = snapshot(self._pids)
        return Cost(
            cpu_s={name: cpu_s - self._cpu_s.get(name, 0.0) for name, cpu_s in now.cpu_s.items()},
            kafka_cpu_s=_kafka_cpu_s(self._bench) - self._kafka_cpu_s,
            generator_cpu_s=generator_cpu_s,
            elapsed_s=elapsed_s,
            memory=now.memory,
        )


def _kafka_cpu_s(bench: Bench) -> float:
    return sum(snapshot([bench.kafka.pid]).cpu_s.values())

"""wrk, the load generator: a closed model, so that a slow candidate is asked less often."""

from __future__ import annotations

import json
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.process import BenchError

HERE = Path(__file__).parent
ANSWER_S = 2
"""An answer that takes longer is counted as a timeout."""
GRACE_S = 30
"""wrk itself ends within its duration; longer than this beyond it, it hangs."""
EXPLAIN_S = 1
"""How long the answers are looked at one by one after a measurement with errors."""


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    answered: int
    """With a status below 400."""
    elapsed_s: float
    latency_ms: dict[str, float]
    errors: dict[str, int]
    cpu_s: float
    """Of wrk itself: close to the elapsed time, it was wrk that was measured."""


def run(url: str, kind: str, connections: int, seconds: float) -> Load:
    """Loads `url` with requests of a kind that load.lua knows."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = _wrk("load.lua", url, kind, connections, seconds)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return parse(text, cpu_s)


def statuses(url: str, kind: str, connections: int) -> dict[str, int]:
    """Answers by status, from a short load of their own."""
    counts: dict[str, int] = _last_json(_wrk("statuses.lua", url, kind, connections, EXPLAIN_S))
    return counts


def parse(text: str, cpu_s: float) -> Load:
    """Reads what load.lua printed."""
    seen = _last_json(text)
    kinds = ("status", "connect", "read", "write", "timeout")
    return Load(
        answered=seen["requests"] - seen["status"],
        elapsed_s=seen["duration_us"] / 1e6,
        latency_ms={name: seen[f"{name}_us"] / 1e3 for name in ("p50", "p90", "p99", "max")},
        errors={kind: seen[kind] for kind in kinds if seen[kind]},
        cpu_s=cpu_s,
    )


def _wrk(script: str, url: str, kind: str, connections: int, seconds: float) -> str:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", f"--timeout={ANSWER_S}s"]
    command += ["-s", str(HERE / script), url, "--", kind]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + GRACE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError("wrk did not end") from error
    if done.returncode != 0:
        raise BenchError(f"wrk failed: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def _last_json(text: str) -> dict[str, Any]:
    lines = [line for line in text.splitlines() if line.startswith("{")]
    if not lines:
        raise BenchError(f"wrk printed no result: {text.strip()}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found

"""Where and with what a run was made."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from harness.place import ROOT

PACKAGES = (
    "aiokafka",
    "cargo-lambda",
    "fastapi",
    "flask",
    "gunicorn",
    "httptools",
    "kafka-python",
    "uvicorn",
    "uvloop",
)
GIB = 1024**3


def describe() -> dict[str, str]:
    """Name and value of everything that may matter."""
    load = os.getloadavg()[0]
    return {
        "Machine": f"{_processor()}, {psutil.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / GIB:.0f} GiB",
        "System": f"{platform.system()} {platform.release()}",
        "Load before": f"{load:.2f} (1 min)",
        "Millrace": _output(["git", "describe", "--always", "--dirty"]),
        "Rust": _output(["rustc", "--version"]),
        "Java": _output(["java", "-version"]),
        "Kafka": f"{_kafka()} with ZooKeeper, one broker, 4 partitions",
        "wrk": _output(["wrk", "-v"]),
        "Python": platform.python_version(),
        "Packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _kafka() -> str:
    pom = (ROOT / "compose" / "jvm" / "pom.xml").read_text()
    found = re.search(r"<kafka.version>(.+)</kafka.version>", pom)
    return found[1] if found else "unknown"


def _output(command: list[str]) -> str:
    """The first line; some write their version to stderr, and wrk fails after it."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = (done.stdout or done.stderr).splitlines()
    return lines[0].strip() if lines else "unknown"

"""Where things are."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
PEERS = BENCH / "peers"
SCRATCH = ROOT / "target" / "bench"
"""Logs and data: below `target`, which no watcher looks at."""


@dataclass(frozen=True)
class Place:
    """What `setup` built, and where this run keeps its files."""

    profile: str
    """`release`, or `dev` for checks of the harness."""
    programs: Path
    """The folder of our programs and of the peers in Rust."""
    run: Path
    """Logs and data of this run."""

    @property
    def release_flag(self) -> list[str]:
        """For commands that build."""
        return ["--release"] if self.profile == "release" else []

    def tool(self, name: str) -> Path:
        """A program of the harness's own Python environment."""
        return Path(sys.executable).parent / name


def find(profile: str, run: Path) -> Place:
    """Asks cargo for its target folder, which the user's settings may have moved."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    target = Path(json.loads(output)["target_directory"])
    return Place(profile, target / ("release" if profile == "release" else "debug"), run)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""CPU seconds and resident memory of process trees, on any system that psutil knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from harness.model import ProcessMemory

MIB = 1024 * 1024


@dataclass(frozen=True)
class Snapshot:
    """Process trees at one moment."""

    cpu_s: dict[str, float]
    """Since each process began, with the children that it has outlived; by program."""
    memory: list[ProcessMemory]


def snapshot(pids: Iterable[int]) -> Snapshot:
    """The trees below these processes; one that is gone counts nothing."""
    cpu_s: defaultdict[str, float] = defaultdict(float)
    memory = []
    for process in tree(pids):
        try:
            with process.oneshot():
                name, times = process.name(), process.cpu_times()
                # A child that ended during the measurement is found in its parent's sum.
                ended_s = times.children_user + times.children_system
                memory.append(ProcessMemory(name, process.memory_info().rss / MIB))
                cpu_s[name] += times.user + times.system + ended_s
        except psutil.Error:
            continue
    return Snapshot(cpu_s, memory)


def tree(pids: Iterable[int]) -> list[psutil.Process]:
    """The processes and all their descendants."""
    found = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
    return found

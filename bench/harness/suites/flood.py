"""Two thousand connections for a minute: nothing may wedge, nor go wrong but by 429 or 503."""

from __future__ import annotations

import copy
import dataclasses
import resource
from collections.abc import Iterator

from harness.bench import Bench
from harness.model import Candidate, Outcome
from harness.suites.http import INGEST

CONNECTIONS = 2_000
SECONDS = 60
FILES = 8_192
"""wrk needs one for each connection; many systems allow 1,024 unless asked."""


class Flood:
    """The suite of single events with numbers of its own."""

    name = "flood"
    title = f"{CONNECTIONS:,} connections for {SECONDS} s"
    unit = "requests/s"
    ours = "flood-millrace"
    about = "As above. Afterwards one more request must be answered at once, else it is wedged."

    def prepare(self, bench: Bench) -> None:
        """Lets wrk open its connections."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < FILES:
            wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    def measure(self, bench: Bench, candidate: Candidate) -> Iterator[Outcome]:
        """One case, for as long as it says."""
        flooded = copy.copy(bench)
        flooded.options = dataclasses.replace(
            bench.options, connections=[CONNECTIONS], seconds=SECONDS
        )
        yield from INGEST.measure(flooded, candidate)

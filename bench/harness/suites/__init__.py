"""The kinds of measurement, by name."""

from harness.model import Suite
from harness.suites.backlog import Backlog
from harness.suites.http import EMPTY_FUNCTION, INGEST

SUITES: dict[str, Suite] = {suite.name: suite for suite in (INGEST, EMPTY_FUNCTION, Backlog())}

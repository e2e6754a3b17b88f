"""The kinds of measurement, by name."""

from harness.model import Suite
from harness.suites.backlog import Backlog
from harness.suites.cold import Cold
from harness.suites.flood import Flood
from harness.suites.http import EMPTY_FUNCTION, INGEST

SUITES: dict[str, Suite] = {
    suite.name: suite for suite in (INGEST, Flood(), EMPTY_FUNCTION, Cold(), Backlog())
}

"""All samples of a run, and the questions that the tables ask of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.model import Outcome, Sample
from harness.stats import Spread, spread


@dataclass(frozen=True)
class Failure:
    """A candidate that could not be measured in a round."""

    suite: str
    candidate: str
    round: int
    reason: str


@dataclass
class Results:
    """Samples in the order in which they were measured."""

    samples: list[Sample] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def cases(self, suite: str) -> list[str]:
        """In the order in which they were first measured."""
        names = (sample.outcome.case for sample in self.samples if sample.suite == suite)
        return list(dict.fromkeys(names))

    def outcomes(self, suite: str, candidate: str, case: str | None) -> dict[int, Outcome]:
        """By round. Without a case, all of the suite's: for suites that have one."""
        return {
            sample.round: sample.outcome
            for sample in self.samples
            if (sample.suite, sample.candidate) == (suite, candidate)
            and case in (None, sample.outcome.case)
        }

    def rates(self, suite: str, candidate: str, case: str | None) -> dict[int, float]:
        """By round; a round without one answer is a rate of 0."""
        found = self.outcomes(suite, candidate, case)
        return {number: outcome.rate for number, outcome in found.items() if outcome.cost}

    def spread(
        self, suite: str, candidate: str, case: str, of: Callable[[Outcome], float | None]
    ) -> Spread | None:
        """Of whatever `of` finds in an outcome."""
        figures = [of(outcome) for outcome in self.outcomes(suite, candidate, case).values()]
        return spread(figure for figure in figures if figure is not None)

    def wrong(self) -> bool:
        """Whether any candidate failed or did something wrong."""
        return bool(self.failures) or any(sample.outcome.problems for sample in self.samples)

    def to_json(self) -> dict[str, Any]:
        """Everything that was measured, and what could not be."""
        return {
            "samples": [asdict(sample) for sample in self.samples],
            "failures": [asdict(failure) for failure in self.failures],
        }

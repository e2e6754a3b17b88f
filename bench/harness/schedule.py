"""Who is measured when: every round has every candidate once, in an order of its own."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.model import Candidate


@dataclass(frozen=True)
class Turn:
    """The candidates of one suite in one round."""

    round: int
    suite: str
    candidates: list[Candidate]


def turns(
    candidates: Sequence[Candidate], suites: Iterable[str], rounds: int, seed: int
) -> Iterator[Turn]:
    """Rounds of suites; the same seed gives the same order."""
    chance = random.Random(seed)
    suites = list(suites)
    for number in range(1, rounds + 1):
        for suite in suites:
            members = [candidate for candidate in candidates if candidate.suite == suite]
            chance.shuffle(members)
            if members:
                yield Turn(number, suite, members)

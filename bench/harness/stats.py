"""Spreads of a few figures, and ratios between figures of the same round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """The smallest, the middle and the largest of some figures."""

    low: float
    middle: float
    high: float


def spread(figures: Iterable[float]) -> Spread | None:
    """`None` where there are no figures."""
    known = list(figures)
    if not known:
        return None
    return Spread(min(known), median(known), max(known))


def ratios(over: Mapping[int, float], under: Mapping[int, float]) -> Spread | None:
    """How many times `under` goes into `over`, round by round.

    What slowed the machine down in a round slowed both.
    """
    shared = [number for number in over if under.get(number)]
    return spread(over[number] / under[number] for number in shared)

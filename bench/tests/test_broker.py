"""What the document of `bench/broker` says, from figures made by hand."""

from __future__ import annotations

import unittest

from harness.broker.cases import Amounts, Figure, cases
from harness.broker.report import GOALS, Results, render
from harness.stats import Spread


class Broker(unittest.TestCase):
    """Ratios, goals and cases."""

    def test_ratios_are_ours_over_kafkas_within_a_round(self) -> None:
        results = Results()
        for number, (ours, kafka) in enumerate([(100, 50), (300, 100)], start=1):
            results.add("ours", number, Figure("Produce 1 KiB, 1 partition", "records/s", ours))
            results.add("kafka", number, Figure("Produce 1 KiB, 1 partition", "records/s", kafka))
        text = render(results, {}, "release")
        self.assertIn("| Produce 1 KiB, 1 partition | 2.500 (2.000 to 3.000) | reached |", text)
        self.assertNotIn("Not a release build", text)

    def test_a_goal_is_reached_when_every_round_reached_it(self) -> None:
        least, most = GOALS[0], GOALS[2]
        self.assertEqual(least.judge(Spread(1.0, 1.2, 1.5)), "reached")
        self.assertEqual(least.judge(Spread(0.9, 1.2, 1.5)), "in the median")
        self.assertEqual(least.judge(Spread(0.5, 0.9, 1.5)), "**missed**")
        self.assertEqual(most.judge(Spread(0.1, 0.2, 0.5)), "reached")
        self.assertEqual(most.judge(Spread(0.1, 0.2, 0.6)), "in the median")
        self.assertEqual(most.judge(Spread(0.1, 0.6, 0.6)), "**missed**")

    def test_the_large_log_is_there_before_it_is_read(self) -> None:
        names = [case.name for case in cases(Amounts(1, 64, 1.0, 10))]
        self.assertLess(
            names.index("After 64 MiB produced"),
            names.index("First record from the middle of 64 MiB"),
        )

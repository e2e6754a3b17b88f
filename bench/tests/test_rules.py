"""What the tables say, from results made by hand."""

from __future__ import annotations

import unittest
from pathlib import Path

from harness import rows, table, wrk
from harness.bench import Bench
from harness.goals import GOALS, judge
from harness.model import Candidate, Cost, Outcome, Running, Sample
from harness.results import Failure, Results
from harness.schedule import turns
from harness.stats import Spread, ratios, spread
from harness.suites import SUITES
from harness.suites.http import INGEST, miscounted

COST = Cost(cpu_s={"ours": 1.0}, kafka_cpu_s=0.5, generator_cpu_s=0.1, elapsed_s=1.0, memory=[])
CASE = "64 connections"


def never(bench: Bench) -> Running:
    """For candidates that no test starts."""
    raise AssertionError("nothing is started here")


def candidate(name: str, suite: str = "ingest") -> Candidate:
    """A row called like its title."""
    return Candidate(suite=suite, name=name, title=name, start=never)


def results(rates: dict[str, list[float]], suite: str = "ingest", case: str = CASE) -> Results:
    """One sample per candidate and round."""
    found = Results()
    for name, by_round in rates.items():
        for number, rate in enumerate(by_round, start=1):
            outcome = Outcome(case, done=int(rate), rate=rate, cost=COST)
            found.samples.append(Sample(suite, name, number, outcome))
    return found


class Spreads(unittest.TestCase):
    """Medians and ratios."""

    def test_the_middle_of_three_is_the_median(self) -> None:
        self.assertEqual(spread([9, 1, 2]), Spread(1, 2, 9))

    def test_nothing_has_no_spread(self) -> None:
        self.assertIsNone(spread([]))

    def test_ratios_are_taken_within_a_round(self) -> None:
        ours, theirs = {1: 30.0, 2: 60.0}, {1: 10.0, 2: 20.0}
        self.assertEqual(ratios(ours, theirs), Spread(3, 3, 3))

    def test_a_round_that_one_of_them_misses_has_no_ratio(self) -> None:
        self.assertIsNone(ratios({1: 30.0}, {2: 10.0}))
        self.assertIsNone(ratios({1: 30.0}, {1: 0.0}))


class Goals(unittest.TestCase):
    """Whether a goal is said to be reached."""

    def word(self, rates: dict[str, list[float]]) -> str:
        """The verdict on FastAPI."""
        return judge(results(rates))[0].word

    def test_a_goal_compares_with_the_best_of_its_peers(self) -> None:
        self.assertEqual(
            self.word({"millrace": [40], "fastapi-1": [10], "fastapi-2": [20]}), "**not reached**"
        )

    def test_a_goal_is_reached_when_every_round_reached_it(self) -> None:
        peers = {"fastapi-1": [1.0, 1.0, 1.0], "fastapi-2": [1.0, 1.0, 1.0]}
        self.assertEqual(self.word(peers | {"millrace": [4, 4, 4]}), "reached")
        self.assertIn("median", self.word(peers | {"millrace": [4, 1, 4]}))
        self.assertEqual(self.word(peers | {"millrace": [1, 1, 4]}), "**not reached**")

    def test_a_goal_whose_peer_is_missing_is_not_judged(self) -> None:
        self.assertEqual(self.word({"millrace": [40], "fastapi-1": [1]}), "not measured")

    def test_every_goal_names_rows_that_exist(self) -> None:
        known = {(row.suite, row.name) for row in rows.load()}
        for goal in GOALS:
            for name in (goal.ours, *goal.peers):
                self.assertIn((goal.suite, name), known)


class Tables(unittest.TestCase):
    """What a reader sees."""

    def test_the_fastest_comes_first_with_its_ratio_to_ours(self) -> None:
        found = results({"millrace": [50], "axum": [100]})
        text = table.case(found, INGEST, CASE, [candidate("millrace"), candidate("axum")])
        rows = text.splitlines()[2:]
        self.assertTrue(rows[0].startswith("| axum | **100** | **0.50** |"), rows[0])
        self.assertTrue(rows[1].startswith("| millrace | **50** | 1 |"), rows[1])

    def test_columns_without_a_figure_are_left_out(self) -> None:
        text = table.case(results({"millrace": [50]}), INGEST, CASE, [candidate("millrace")])
        self.assertNotIn("p99", text)
        self.assertIn("CPU", text)

    def test_a_candidate_that_failed_is_named(self) -> None:
        found = Results(failures=[Failure("ingest", "watch", 2, "no answer")])
        self.assertIn("`watch`, round 2: **not measured**: no answer", table.problems(found))

    def test_a_doubt_about_a_figure_is_named(self) -> None:
        outcome = Outcome(CASE, problems=["wedged: not one answer"])
        found = Results(samples=[Sample("ingest", "watch", 1, outcome)])
        self.assertIn("wedged", table.problems(found))


class Counting(unittest.TestCase):
    """Answers against Kafka's offsets."""

    def test_an_acknowledged_event_that_kafka_lacks_is_told(self) -> None:
        self.assertIn("1 events were acknowledged", miscounted(10, 9, 64)[0])

    def test_requests_cut_off_at_the_end_may_have_been_written(self) -> None:
        self.assertEqual(miscounted(10, 74, 64), [])
        self.assertIn("65 events more", miscounted(10, 75, 64)[0])


class Wrk(unittest.TestCase):
    """What load.lua prints."""

    def test_answers_with_an_error_status_are_not_counted_as_done(self) -> None:
        line = (
            '{"requests":100,"duration_us":2000000,"p50_us":1500,"p90_us":2000,"p99_us":3000,'
            '"max_us":4000,"status":40,"connect":0,"read":0,"write":0,"timeout":3}'
        )
        load = wrk.parse(f"Running 2s test\n{line}\n", 0.5)
        self.assertEqual((load.answered, load.elapsed_s), (60, 2.0))
        self.assertEqual(load.errors, {"status": 40, "timeout": 3})
        self.assertEqual(load.latency_ms["p50"], 1.5)


class Rows(unittest.TestCase):
    """The rows, and when each is measured."""

    def test_every_row_has_a_name_of_its_own_and_a_suite_that_exists(self) -> None:
        found = rows.load()
        self.assertEqual(len({row.name for row in found}), len(found))
        for row in found:
            self.assertIn(row.suite, SUITES)

    def test_every_round_has_every_candidate_once_in_an_order_of_the_seed(self) -> None:
        members = [candidate(name) for name in "abcdefgh"]
        orders = [
            [[row.name for row in turn.candidates] for turn in turns(members, SUITES, 3, seed)]
            for seed in (1, 1, 2)
        ]
        self.assertEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], orders[2])
        for order in orders[0]:
            self.assertEqual(sorted(order), list("abcdefgh"))

    def test_each_file_of_rows_says_what_it_is(self) -> None:
        for file in (Path(rows.__file__).parents[1] / "rows").glob("*.py"):
            self.assertTrue(file.read_text().startswith('"""'), file)


if __name__ == "__main__":
    unittest.main()

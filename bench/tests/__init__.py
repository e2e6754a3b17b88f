"""Tests of the harness's rules: `python -m unittest discover -s bench/tests -t bench`."""

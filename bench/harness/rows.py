"""Finds the rows: each module of `bench/rows` has a list `ROWS` of candidates."""

from __future__ import annotations

import importlib
import pkgutil

import rows
from harness.model import Candidate


def load() -> list[Candidate]:
    """All rows, in the order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(rows.__path__))
    modules = [importlib.import_module(f"rows.{name}") for name in names]
    return [candidate for module in modules for candidate in module.ROWS]

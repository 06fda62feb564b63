# SPDX-License-Identifier: GPL-2.0-only
"""explain: what a clause asks, where the kernel promises it, which bugs broke it, and who is known to break it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from emulator import catalog
from emulator.checks import judge  # noqa: F401 - declares the clauses
from emulator.checks.clause import Clause, find, ordered
from emulator.checks.exercises import EXERCISES
from emulator.cli import GOOD, colour, write
from emulator.report.lines import WIDTH, Line, coloured, heading, line, plain, table, wrap

PARAGRAPHS = re.compile(r"\n\n|\n(?=Promised:|Broken by:)")


def run(options: argparse.Namespace) -> int:
    """Print the clauses asked for, or the list of all."""
    clauses = [find(name) for name in options.clause]
    lines = [text for clause in clauses for text in _clause(clause)] or _list()
    write(options, coloured(lines) if colour(options) else plain(lines))
    return GOOD


def _list() -> list[Line]:
    clauses = [(clause.id, clause.title) for clause in ordered()]
    scenarios = [(exercise.name, exercise.title) for exercise in EXERCISES.values()]
    return [
        heading("Clauses of the contract (explain CLAUSE says more)"),
        *table(clauses, indent=2),
        [],
        heading("Scenarios in which they are asked (check --scenario S)"),
        *table(scenarios, indent=2),
    ]


def _clause(clause: Clause) -> Iterator[Line]:
    yield heading(f"{clause.id} {clause.title}")
    for paragraph in PARAGRAPHS.split(clause.explanation):
        yield from (line(f"  {text}") for text in wrap(paragraph, WIDTH - 2))
    if clause.needs.name and clause.needs.value:
        yield line(f"  Asked where a variant declares {clause.needs.name}.")
    quirks = list(_quirks(clause))
    if quirks:
        yield line("  Known, and XFAIL:")
        yield from quirks
    yield []


def _quirks(clause: Clause) -> Iterator[Line]:
    for name in catalog.names():
        arch = catalog.load(name)
        found: dict[tuple[str, str, str], list[str]] = {}
        for variant in arch.variants:
            for quirk in variant.quirks:
                if quirk.clause == clause.id:
                    found.setdefault((quirk.what, quirk.effect, quirk.source), []).append(variant.name)
        for (what, effect, source), variants in found.items():
            for text in wrap(f"{name} {', '.join(variants)}: {what}: {effect} ({source})", WIDTH - 4):
                yield line(f"    {text}")

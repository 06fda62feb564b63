# SPDX-License-Identifier: GPL-2.0-only
"""How fast a call is, against the same facts by unicorn's documented API and against bare emulation, in one run."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.bench import debugger, facts
from emulator.bench.bare import Bare
from emulator.bench.documented import Documented, DocumentedTrace
from emulator.bench.rounds import Ratio, interleave
from emulator.bench.subject import Subject
from emulator.description import Arch

ROUNDS = 15
GOALS = {"checked call": 7, "traced call": 4}
"""How many times faster than the documented API each is meant to be."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. Seconds are medians per call, ratios medians of the ratios taken within each round."""

    arch: str
    variant: str
    what: str
    goal: int
    bare: float
    documented: float
    product: float
    faster: Ratio
    """documented / product"""
    cost: Ratio
    """product / bare"""


def bench(archs: Sequence[Arch], rounds: int = ROUNDS) -> str:
    """The comparison of these architectures as plain text."""
    calls = render([row for arch in archs for row in run(arch, rounds)], rounds)
    steps = debugger.render([row for arch in archs for row in debugger.rows(arch, rounds)])
    return f"{calls}\n{steps}"


def run(arch: Arch, rounds: int = ROUNDS) -> list[Row]:
    """The rows of one architecture. Raises RunError where the two sides of a row come to different facts."""
    subject = Subject(arch)
    checked, traced, bare = Documented(subject), DocumentedTrace(subject), Bare(subject)
    checked.run()
    traced.run()
    facts.expect_equal(facts.checked(subject.call()), checked.facts())
    facts.expect_equal(facts.traced(subject.trace()), traced.facts())
    ways = {
        "bare": bare.run,
        "checked call": subject.call,
        "checked call, documented": checked.run,
        "traced call": subject.trace,
        "traced call, documented": traced.run,
    }
    seconds = interleave(ways, rounds)
    return [_row(subject, what, goal, seconds) for what, goal in GOALS.items()]


def _row(subject: Subject, what: str, goal: int, seconds: dict[str, list[float]]) -> Row:
    bare, documented, product = seconds["bare"], seconds[f"{what}, documented"], seconds[what]
    return Row(
        subject.arch.name,
        subject.lab.variant.name,
        what,
        goal,
        statistics.median(bare),
        statistics.median(documented),
        statistics.median(product),
        Ratio.of(documented, product),
        Ratio.of(product, bare),
    )


def render(rows: Iterable[Row], rounds: int) -> str:
    """The rows as text of at most 100 columns; times are microseconds."""
    head = (
        f"{'':28}{'product':>9}{'documented':>12}{'bare':>8}   {'times faster than documented':<29}{'times bare':>11}\n"
    )
    lines = [_line(row) for row in rows]
    foot = (
        f"\nus per call, medians of {rounds} interleaved rounds; ratios are taken within each round, in brackets their"
        "\nmiddle half. Both sides came to equal facts first.\n"
    )
    return head + "".join(lines) + foot


def _line(row: Row) -> str:
    name = f"{row.arch} {row.variant} {row.what}"
    times = "".join(
        f"{1e6 * value:{width}.1f}" for value, width in ((row.product, 9), (row.documented, 12), (row.bare, 8))
    )
    faster = f"{row.faster.median:.1f} ({row.faster.low:.1f}-{row.faster.high:.1f}), goal {row.goal}"
    return f"{name:28}{times}   {faster:<29}{row.cost.median:11.1f}\n"

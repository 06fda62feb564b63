# SPDX-License-Identifier: GPL-2.0-only
"""Interleaved rounds: every way in turn, over and over, so that what slows the machine down slows all of them down."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

BUDGET = 0.01
"""Seconds that one way may take in one round."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long one way takes as another: the median over the rounds, and the middle half of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, slow: list[float], fast: list[float]) -> Ratio:
        """Taken within each round."""
        ratios = [one / other for one, other in zip(slow, fast, strict=True)]
        if len(ratios) == 1:
            return cls(ratios[0], ratios[0], ratios[0])
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return cls(median, low, high)


def interleave(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds per call of each way, one number a round. Raises ValueError for less than one round."""
    if rounds < 1:
        raise ValueError(f"{rounds} rounds measure nothing")
    repeats = {name: _repeats(way) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(_time(way, repeats[name]))
    return seconds


def _repeats(way: Callable[[], object]) -> int:
    """How often a way fits into the budget, found after a warm-up."""
    _time(way, 3)
    return max(1, int(BUDGET / _time(way, 3)))


def _time(way: Callable[[], object], repeats: int) -> float:
    begin = perf_counter()
    for _ in range(repeats):
        way()
    return (perf_counter() - begin) / repeats

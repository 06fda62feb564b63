# SPDX-License-Identifier: GPL-2.0-only
"""Ranges of addresses, and the whole pages that hold them."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable
from typing import NamedTuple

from emulator.machine.memory import PAGE


class Span(NamedTuple):
    """The addresses [start, end)."""

    start: int
    end: int

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.start <= address < self.end

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start

    def holds(self, other: Span) -> bool:
        """Whether all of another one lies within this one."""
        return self.start <= other.start and other.end <= self.end


def inside(spans: Iterable[tuple[int, int]]) -> Callable[[int], bool]:
    """Whether an address lies in one of the ranges: for many of both."""
    starts, ends = list[int](), list[int]()
    for start, end in sorted(spans):
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)

    def test(address: int) -> bool:
        at = bisect.bisect_right(starts, address) - 1
        return at >= 0 and address < ends[at]

    return test


def pages(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The runs of whole pages that hold these, apart from each other, in the order of their addresses."""
    found: list[Span] = []
    for start, end in sorted(Span(at - at % PAGE, -(-end // PAGE) * PAGE) for at, end in spans):
        if found and start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(end, found[-1].end))
        else:
            found.append(Span(start, end))
    return tuple(found)


def overlap(spans: Iterable[Span]) -> Span | None:
    """What the first two that overlap have in common; None where none do."""
    behind = 0
    for start, end in sorted(spans):
        if start < behind:
            return Span(start, min(end, behind))
        behind = max(behind, end)
    return None

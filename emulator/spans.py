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


def merged(spans: Iterable[tuple[int, int]], gap: int = 0) -> list[Span]:
    """The ranges in their order, those as one between which there are at most `gap` addresses."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1].end + gap:
            found[-1] = Span(found[-1].start, max(end, found[-1].end))
        else:
            found.append(Span(start, end))
    return found


def inside(spans: Iterable[tuple[int, int]]) -> Callable[[int], bool]:
    """Whether an address lies in one of the ranges: for many of both."""
    ranges = merged(spans)
    starts = [span.start for span in ranges]

    def test(address: int) -> bool:
        at = bisect.bisect_right(starts, address) - 1
        return at >= 0 and address < ranges[at].end

    return test


def pages(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The runs of whole pages that hold these, apart from each other, in the order of their addresses."""
    return tuple(merged(Span(start - start % PAGE, -(-end // PAGE) * PAGE) for start, end in spans))


def overlap(spans: Iterable[Span]) -> Span | None:
    """What the first two that overlap have in common; None where none do."""
    behind = 0
    for start, end in sorted(spans):
        if start < behind:
            return Span(start, min(end, behind))
        behind = max(behind, end)
    return None

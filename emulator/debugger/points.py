# SPDX-License-Identifier: GPL-2.0-only
"""Breakpoints and watchpoints. They are compared with, between two instructions; no code is ever changed for them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from emulator.debugger.timeline import Step

MOST = 4096
"""How many there may be."""


class Kind(IntEnum):
    """The numbers of Z packets."""

    SOFTWARE = 0
    HARDWARE = 1
    WRITE = 2
    READ = 3
    ACCESS = 4


_REASONS = {Kind.WRITE: "watch", Kind.READ: "rwatch", Kind.ACCESS: "awatch"}


class Point(NamedTuple):
    """What to stop at: an instruction, or memory of `size` bytes."""

    kind: Kind
    address: int
    size: int


class Points:
    """All of them."""

    def __init__(self) -> None:
        self._breakpoints: dict[int, set[Kind]] = {}
        self._watched: set[Point] = set()

    def insert(self, point: Point) -> bool:
        """Whether there was room for it."""
        if len(self._breakpoints) + len(self._watched) >= MOST:
            return False
        if point.kind in _REASONS:
            self._watched.add(point)
        else:
            self._breakpoints.setdefault(point.address, set()).add(point.kind)
        return True

    def remove(self, point: Point) -> None:
        """One that is not there is removed already."""
        self._watched.discard(point)
        kinds = self._breakpoints.get(point.address, set())
        if point.kind not in _REASONS:
            kinds.discard(point.kind)
        if not kinds:
            self._breakpoints.pop(point.address, None)

    def clear(self) -> None:
        """Remove them all."""
        self._breakpoints.clear()
        self._watched.clear()

    def at(self, pc: int) -> str:
        """How a stop reply calls a breakpoint at this instruction; "" where there is none."""
        kinds = self._breakpoints.get(pc)
        if not kinds:
            return ""
        return "swbreak:;" if Kind.SOFTWARE in kinds else "hwbreak:;"

    def touched(self, step: Step) -> str:
        """How a stop reply calls a watchpoint whose memory an instruction has touched; "" where there is none."""
        if not self._watched:
            return ""
        written = [(address, len(data)) for address, data in step.swaps]
        for point in sorted(self._watched):
            spans: Iterable[tuple[int, int]] = written if point.kind is Kind.WRITE else step.reads
            if point.kind is Kind.ACCESS:
                spans = (*written, *step.reads)
            if any(at < point.address + point.size and point.address < at + size for at, size in spans):
                return f"{_REASONS[point.kind]}:{point.address:x};"
        return ""

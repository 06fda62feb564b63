# SPDX-License-Identifier: GPL-2.0-only
"""Raw traces: every instruction and every write as a list of numbers, decoded afterwards and once per shape.

An instruction is its address. A write is the complement of (address << 5 | size), so that it is negative; its value
goes to a second list, which keeps it out of the shape. A shape that was decoded before is recognised by one look-up.
"""

from __future__ import annotations

import ctypes
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from emulator.machine.memory import Memory
from emulator.machine.registers import RegisterFile

KEPT = 1 << 20
"""How many events the decoded shapes that a tracer keeps may have in all."""
SIZE_BITS = 5  # the widest store that unicorn reports at once is 16 bytes

ReadHook = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_uint64)
CodeHook = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint64)
WriteHook = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_uint64)


class Write(NamedTuple):
    """`size` bytes written at `address` by the instruction at `pc`, the `step`-th of the trace, both counted from 0.

    `order` numbers the writes.
    """

    step: int
    pc: int
    address: int
    size: int
    order: int


@dataclass(slots=True, weakref_slot=True, eq=False)
class Shape:
    """What a trace is apart from the values written. `event` positions say where in the raw list something stood."""

    pcs: tuple[int, ...]
    writes: tuple[Write, ...]
    write_events: tuple[int, ...]
    step_events: tuple[int, ...]
    _last: dict[tuple[int, int], dict[int, Write]] = field(default_factory=dict)
    addresses: frozenset[int] = field(init=False)
    """Where instructions ran."""

    def __post_init__(self) -> None:
        self.addresses = frozenset(self.pcs)

    def spans(self) -> Iterator[tuple[int, int]]:
        """[address, end) of every write."""
        return ((write.address, write.address + write.size) for write in self.writes)

    def writers(self, first: int, last: int) -> dict[int, Write]:
        """{address of a byte: the write that put it there last}, of the events [first, last)."""
        known = self._last.get((first, last))
        if known is None:
            known = {}
            for write in self.writes[_window(self.write_events, first, last)]:
                known.update(dict.fromkeys(range(write.address, write.address + write.size), write))
            self._last[first, last] = known
        return known

    def between(self, first: int, last: int) -> list[int]:
        """The instructions that ran in the events [first, last)."""
        return list(self.pcs[_window(self.step_events, first, last)])

    def steps(self, first: int, last: int) -> int:
        """How many instructions ran in the events [first, last)."""
        return len(self.step_events[_window(self.step_events, first, last)])

    def stores(self, first: int, last: int) -> int:
        """How many writes happened in the events [first, last)."""
        return len(self.write_events[_window(self.write_events, first, last)])


def _window(events: tuple[int, ...], first: int, last: int) -> slice:
    """Where those of [first, last) stand among events that are in order."""
    start = bisect_left(events, first)
    return slice(start, bisect_left(events, last, start))


def decode(raw: tuple[int, ...]) -> Shape:
    """The shape of a raw trace."""
    pcs: list[int] = []
    writes: list[Write] = []
    write_events: list[int] = []
    step_events: list[int] = []
    for event, item in enumerate(raw):
        if item >= 0:
            pcs.append(item)
            step_events.append(event)
            continue
        packed = ~item
        size = packed & ((1 << SIZE_BITS) - 1)
        writes.append(Write(len(pcs) - 1, pcs[-1] if pcs else 0, packed >> SIZE_BITS, size, len(writes)))
        write_events.append(event)
    return Shape(tuple(pcs), tuple(writes), tuple(write_events), tuple(step_events))


def unexplained(base: int, before: bytes, now: bytes, spans: Iterable[tuple[int, int]]) -> int | None:
    """The first address of memory at `base` whose byte has changed though it is in no span [address, end); or None."""
    if now == before:
        return None
    rest = bytearray(now)
    for first, end in spans:
        span = slice(max(first - base, 0), max(end - base, 0))
        rest[span] = before[span]
    if rest == before:
        return None
    return base + next(index for index, (old, new) in enumerate(zip(before, rest, strict=True)) if old != new)


class Tracer:
    """The two lists that an engine's hooks append to, and the hooks themselves."""

    def __init__(self, _registers: RegisterFile) -> None:
        self.events: list[int] = []
        self.values: list[int] = []
        events, values = self.events.append, self.values.append

        def write(_uc: int, _type: int, address: int, size: int, value: int) -> None:
            events(~(address << SIZE_BITS | size))
            values(value)

        # list.insert(handle, address) appends, as no list is as long as a handle is large: no Python frame at all.
        self.code_hook: object = CodeHook(self.events.insert)
        self.write_hook: object = WriteHook(write)
        self.read_hook: object | None = None
        self._shapes: dict[tuple[int, ...], Shape] = {}
        self._kept = 0

    def clear(self) -> None:
        """Forget the events; shapes that were decoded stay known."""
        self.events.clear()
        self.values.clear()

    def shape(self, raw: tuple[int, ...]) -> Shape:
        """The decoded shape of a raw trace."""
        known = self._shapes.get(raw)
        if known is None:
            if self._kept > KEPT:
                self._shapes.clear()
                self._kept = 0
            known = self._shapes[raw] = decode(raw)
            self._kept += len(raw)
        return known


class StateTracer(Tracer):
    """A tracer that also keeps `states`: all registers, packed, before each instruction."""

    def __init__(self, registers: RegisterFile) -> None:
        super().__init__(registers)
        self.states: list[bytes] = []
        events, states = self.events.append, self.states.append

        def code(_uc: int, address: int) -> None:
            events(address)
            states(registers.read())

        self.code_hook = CodeHook(code)

    def clear(self) -> None:
        super().clear()
        self.states.clear()


class UndoTracer(Tracer):
    """A tracer that also keeps `overwritten`, what was in `memory` before each write, and `reads`, (address, size)."""

    def __init__(self, registers: RegisterFile) -> None:
        super().__init__(registers)
        self.memory: Memory | None = None
        self.overwritten: list[tuple[int, bytes]] = []
        self.reads: list[tuple[int, int]] = []
        events, values, overwritten, reads = self.events, self.values, self.overwritten, self.reads

        def write(_uc: int, _type: int, address: int, size: int, value: int) -> None:
            events.append(~(address << SIZE_BITS | size))
            values.append(value)
            region = self.memory.region(address, size) if self.memory else None
            if region is not None:
                start = address - region.base
                overwritten.append((address, region.data[start : start + size]))

        def read(_uc: int, _type: int, address: int, size: int, _value: int) -> None:
            reads.append((address, size))

        self.write_hook, self.read_hook = WriteHook(write), ReadHook(read)

    def clear(self) -> None:
        super().clear()
        self.taken()

    def taken(self) -> tuple[list[tuple[int, bytes]], tuple[tuple[int, int], ...]]:
        """What the instructions since the last time have overwritten, and what they have read."""
        overwritten, reads = self.overwritten[:], tuple(self.reads)
        self.overwritten.clear()
        self.reads.clear()
        return overwritten, reads


class Disturber(Tracer):
    """A tracer that tells `disturb` the address of each instruction before it runs."""

    def __init__(self, registers: RegisterFile) -> None:
        super().__init__(registers)
        self.disturb: Callable[[int], None] = _let_be
        events = self.events.append

        def code(_uc: int, address: int) -> None:
            events(address)
            self.disturb(address)

        self.code_hook = CodeHook(code)


def _let_be(_address: int) -> None:
    """Disturb nothing."""

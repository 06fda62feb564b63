# SPDX-License-Identifier: GPL-2.0-only
"""Line number programs run: which addresses come from which line. DWARF 5, section 6.2.5.

Each opcode takes at least a byte and makes at most one row, so a program ends, and what it makes is bounded.
"""

from __future__ import annotations

import bisect
from typing import Literal

from emulator.errors import Place
from emulator.objects.cursor import Cursor, Damaged
from emulator.objects.line_header import Header, read_header

MOST_ROWS = 1 << 18
LONG = 0xFFFFFFFF
"""unit_length of the 64-bit format, whose real one follows."""
COPY, ADVANCE_PC, ADVANCE_LINE, SET_FILE = 1, 2, 3, 4
CONST_ADD_PC, FIXED_ADVANCE_PC = 8, 9
END_SEQUENCE, SET_ADDRESS = 1, 2
ADDRESSES, LINES = (1 << 64) - 1, (1 << 32) - 1


class Lines:
    """[start, end) of addresses, each from one line. Of two that overlap the one that begins later counts."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int, Place]] = []
        self._sorted = True

    def add(self, start: int, end: int, place: Place) -> None:
        """Say where the code in a range comes from. Raises Damaged for too many."""
        if len(self._ranges) >= MOST_ROWS:
            raise Damaged(f"more than {MOST_ROWS} rows", 0)
        self._ranges.append((start, end, place))
        self._sorted = False

    def at(self, address: int) -> Place | None:
        """Where the code at an address comes from."""
        if not self._sorted:
            self._ranges.sort()
            self._sorted = True
        index = bisect.bisect_right(self._ranges, address, key=lambda one: one[0])
        if not index:
            return None
        _, end, place = self._ranges[index - 1]
        return place if address < end else None


def read_lines(lines: Lines, data: bytes | bytearray, strings: bytes, order: Literal["little", "big"]) -> None:
    """Add the rows of all programs in a .debug_line whose addresses are relocated. Raises Damaged.

    `strings` is .debug_line_str. Programs of another version than 2 to 5 are left out.
    """
    at = 0
    while at < len(data):
        cursor = Cursor(data, at, len(data), order)
        size, length = 4, cursor.number(4)
        if length == LONG:
            size, length = 8, cursor.number(8)
        start = cursor.at
        at = cursor.skip(length) + length
        unit = Cursor(data, start, at, order)
        header = read_header(unit, size, strings)
        if header:
            _Program(lines, header, unit).run()


class _Program:
    """The state machine: its registers, and the row before."""

    def __init__(self, lines: Lines, header: Header, cursor: Cursor) -> None:
        self._lines, self._header, self._cursor = lines, header, cursor
        self._places: dict[tuple[int, int], Place] = {}
        self._reset()

    def _reset(self) -> None:
        self._address, self._file, self._line = 0, 1, 1
        self._before: tuple[int, Place | None] | None = None

    def run(self) -> None:
        """Up to the end of the unit."""
        cursor, base = self._cursor, self._header.opcode_base
        while cursor.at < cursor.end:
            opcode = cursor.number(1)
            if opcode >= base:
                self._special(opcode - base)
            elif opcode == 0:
                self._extended()
            else:
                self._standard(opcode)

    def _special(self, adjusted: int) -> None:
        self._advance(adjusted // self._range())
        self._line = (self._line + self._header.line_base + adjusted % self._range()) & LINES
        self._row()

    def _range(self) -> int:
        if not self._header.line_range:
            raise Damaged("line_range is 0", self._cursor.at)
        return self._header.line_range

    def _advance(self, count: int) -> None:
        self._address = (self._address + count * self._header.unit) & ADDRESSES

    def _standard(self, opcode: int) -> None:
        cursor = self._cursor
        if opcode == COPY:
            self._row()
        elif opcode == ADVANCE_PC:
            self._advance(cursor.uleb())
        elif opcode == ADVANCE_LINE:
            self._line = (self._line + cursor.sleb()) & LINES
        elif opcode == SET_FILE:
            self._file = cursor.uleb()
        elif opcode == CONST_ADD_PC:
            self._advance((255 - self._header.opcode_base) // self._range())
        elif opcode == FIXED_ADVANCE_PC:
            self._address = (self._address + cursor.number(2)) & ADDRESSES
        else:
            for _ in range(self._header.operands[opcode - 1]):
                cursor.uleb()

    def _extended(self) -> None:
        cursor = self._cursor
        length = cursor.uleb()
        start = cursor.skip(length)
        inner = Cursor(cursor.data, start, cursor.at, cursor.order)
        opcode = inner.number(1) if length else 0
        if opcode == END_SEQUENCE:
            self._row()
            self._reset()
        elif opcode == SET_ADDRESS:
            self._address = inner.number(min(length - 1, 8))

    def _row(self) -> None:
        """What lies between the row before and this one comes from the line of the row before."""
        if self._before:
            start, place = self._before
            if place and start < self._address:
                self._lines.add(start, self._address, place)
        self._before = self._address, self._place()

    def _place(self) -> Place | None:
        """The place that the registers mean, None where they name no file or line."""
        path = self._header.files.get(self._file, "")
        if not path or not self._line:
            return None
        key = self._file, self._line
        return self._places.setdefault(key, Place(path, self._line))

# SPDX-License-Identifier: GPL-2.0-only
"""The line number program: .debug_line (section 6.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from emulator.debuginfo.encode import VERSION, Encoder, sleb, text, uleb

COPY, ADVANCE_PC, ADVANCE_LINE, SET_FILE = 1, 2, 3, 4
END_SEQUENCE, SET_ADDRESS = 1, 2
OPERANDS = bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))
"""How many operands each of the standard opcodes has."""


class Row(NamedTuple):
    """The code [address, end) comes from a line of a file."""

    address: int
    end: int
    file: str
    line: int


def encode(rows: Iterable[Row], encoder: Encoder) -> bytes:
    """The section, for one unit. Rows that overlap lose what the ones before them have."""
    ordered = _apart(sorted(rows))
    files = list(dict.fromkeys(row.file for row in ordered))
    program = b"".join(_sequence(list(run), files, encoder) for run in _runs(ordered))
    table = b"".join(text(file) + uleb(0) * 3 for file in files)
    # minimum_instruction_length, maximum_operations_per_instruction, default_is_stmt; and no special opcodes
    header = bytes((1, 1, 1)) + bytes((0xFB, 14, len(OPERANDS) + 1)) + OPERANDS + b"\0" + table + b"\0"
    unit = encoder.number(VERSION, 2) + encoder.number(len(header), 4) + header + program
    return encoder.unit(unit)


def _apart(rows: Sequence[Row]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        start = max(row.address, found[-1].end) if found else row.address
        if start < row.end:
            found.append(row._replace(address=start))
    return found


def _runs(rows: Sequence[Row]) -> Iterable[Iterable[Row]]:
    """Rows that follow each other without a gap."""
    number, end, keys = 0, rows[0].address if rows else 0, {}
    for row in rows:
        number += row.address != end
        keys[row], end = number, row.end
    return (run for _, run in groupby(rows, key=keys.__getitem__))


def _sequence(rows: Sequence[Row], files: Sequence[str], encoder: Encoder) -> bytes:
    """A sequence, from its first address to the end of its last row."""
    address, file, line = rows[0].address, 1, 1
    program = bytes((0, 1 + encoder.size, SET_ADDRESS)) + encoder.word(address)
    for row in rows:
        if row.address != address:
            program += bytes([ADVANCE_PC]) + uleb(row.address - address)
        if files.index(row.file) + 1 != file:
            program += bytes([SET_FILE]) + uleb(files.index(row.file) + 1)
        if row.line != line:
            program += bytes([ADVANCE_LINE]) + sleb(row.line - line)
        program += bytes([COPY])
        address, file, line = row.address, files.index(row.file) + 1, row.line
    return program + bytes([ADVANCE_PC]) + uleb(rows[-1].end - address) + bytes((0, 1, END_SEQUENCE))

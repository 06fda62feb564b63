# SPDX-License-Identifier: GPL-2.0-only
"""Numbers and names one after another, out of bytes that may end anywhere. DWARF 5, section 7."""

from __future__ import annotations

from typing import Literal

from emulator.elf.strings import decoded

LONGEST_LEB = 10
"""Bytes of a LEB128 number that hold 64 bits."""
LONGEST_NAME = 1 << 12


class Damaged(ValueError):
    """What is wrong, and at which offset into the section."""

    def __init__(self, message: str, at: int) -> None:
        self.at = at
        super().__init__(message)


class Cursor:
    """A place in `data` that moves on with what is read, up to `end`. Raises Damaged beyond it."""

    def __init__(self, data: bytes | bytearray, at: int, end: int, order: Literal["little", "big"]) -> None:
        self.data, self.at, self.end, self.order = data, at, end, order

    def skip(self, size: int) -> int:
        """Move on by so many bytes; where they begin."""
        start = self.at
        if size > self.end - start:
            raise Damaged(f"it ends {size - (self.end - start)} bytes too early", start)
        self.at += size
        return start

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        start = self.skip(size)
        return int.from_bytes(self.data[start : start + size], self.order)

    def uleb(self) -> int:
        """An unsigned LEB128 number."""
        value = 0
        for index in range(LONGEST_LEB):
            byte = self.number(1)
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value
        raise Damaged(f"a LEB128 number has more than {LONGEST_LEB} bytes", self.at - LONGEST_LEB)

    def sleb(self) -> int:
        """A signed LEB128 number."""
        start, value = self.at, self.uleb()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if value >> bits - 1 else value

    def name(self) -> str:
        """A NUL-terminated string."""
        start = self.at
        end = self.data.find(b"\0", start, min(start + LONGEST_NAME, self.end))
        if end < 0:
            raise Damaged("a name has no end", start)
        self.at = end + 1
        return decoded(bytes(self.data[start:end]))

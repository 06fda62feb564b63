# SPDX-License-Identifier: GPL-2.0-only
"""Numbers and strings as DWARF has them."""

from __future__ import annotations

from typing import Literal

VERSION = 4


def uleb(value: int) -> bytes:
    """An unsigned LEB128 number."""
    found = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        found.append(low | (0x80 if value else 0))
        if not value:
            return bytes(found)


def sleb(value: int) -> bytes:
    """A signed LEB128 number."""
    found = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        last = value == (-1 if low & 0x40 else 0)
        found.append(low | (0 if last else 0x80))
        if last:
            return bytes(found)


def text(value: str) -> bytes:
    """A string with its end."""
    return value.encode().replace(b"\0", b"?") + b"\0"


class Encoder:
    """Numbers of fixed size, for one kind of machine."""

    def __init__(self, word: int, *, big_endian: bool) -> None:
        self.size = word
        self._order: Literal["big", "little"] = "big" if big_endian else "little"

    def number(self, value: int, size: int) -> bytes:
        """`size` bytes."""
        return (value & (1 << 8 * size) - 1).to_bytes(size, self._order)

    def word(self, value: int) -> bytes:
        """An address."""
        return self.number(value, self.size)

    def unit(self, content: bytes) -> bytes:
        """Content behind its length (section 7.4, 32-bit DWARF)."""
        return self.number(len(content), 4) + content

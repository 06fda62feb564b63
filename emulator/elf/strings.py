# SPDX-License-Identifier: GPL-2.0-only
"""String tables: names by their offset, and the offsets at which a name can be meant.

Linkers merge tails: the name of one symbol may be the end of another one's, so a name has to be looked for by its last
byte, not by its first (System V ABI, chapter 4, String Table).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator

LONGEST_NAME = 1 << 12
"""Bytes. Kernel names have up to 512 (KSYM_NAME_LEN), C++ ones a few thousand."""
MOST_PLACES = 1 << 18
"""How often one name may end a string of the table."""
SHARING = 16
"""How many times the size of the table all names together may have; more than one, for tails and names are shared."""


def decoded(name: bytes) -> str:
    """A name as text that a terminal can be given: what is not printable, or no UTF-8, is escaped."""
    text = name.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else text.encode("unicode_escape").decode()


class Strings:
    """The string table in [start, start + size) of a file. Raises ValueError for what is no name of it."""

    def __init__(self, data: bytes | mmap.mmap, start: int, size: int) -> None:
        self._data, self._start, self._size = data, start, size
        self._end = start + size
        self._left = SHARING * size + (1 << 20)

    def at(self, offset: int) -> str:
        """The NUL-terminated name at an offset into the table."""
        if offset >= self._size:
            raise ValueError(f"the name at {offset:#x} lies beyond its string table of {self._size:#x} bytes")
        begin = self._start + offset
        end = self._data.find(b"\0", begin, min(begin + LONGEST_NAME, self._end))
        if end < 0:
            raise ValueError(f"the name at {offset:#x} of the string table has no end")
        self._left -= end - begin
        if self._left < 0:
            raise ValueError(f"names overlap until they are {SHARING} times as long as their string table")
        return decoded(self._data[begin:end])

    def offsets(self, names: Iterable[str]) -> dict[int, str]:
        """{offset: name} for every offset at which one of the names can be read."""
        return {offset: name for name in names for offset in self._offsets(name)}

    def _offsets(self, name: str) -> Iterator[int]:
        wanted, found = name.encode() + b"\0", self._start - 1
        for _ in range(MOST_PLACES):
            found = self._data.find(wanted, found + 1, self._end)
            if found < 0:
                return
            yield found - self._start
        raise ValueError(f"{name} stands in the string table more than {MOST_PLACES} times")

# SPDX-License-Identifier: GPL-2.0-only
"""Guest memory: private anonymous mappings that Python reads and writes by slice and that engines map by pointer."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterable, Mapping
from typing import Literal

PAGE = 4096


class Region:
    """Whole pages of guest memory, [base, end). Guest code may write to it only if `writable`, run it if `executable`.

    What is in a `scratch` region does not outlive a run.
    """

    def __init__(
        self,
        name: str,
        base: int,
        size: int,
        *,
        writable: bool = False,
        executable: bool = False,
        scratch: bool = False,
    ) -> None:
        self.name, self.base, self.size = name, base, -(-size // PAGE) * PAGE
        self.end = base + self.size
        self.writable, self.executable, self.scratch = writable, executable, scratch
        # MAP_PRIVATE: with mmap's default a forked worker would write into its parent's guest.
        self.data = mmap.mmap(-1, self.size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    @property
    def pointer(self) -> int:
        """The host's address of the bytes; valid as long as this object lives."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self.data))


class Memory:
    """The regions of one guest, and what Python wrote to them.

    `patches` lists the ranges of code that changed, for engines to forget; `written` lists all ranges, until somebody
    clears it; `version` counts the changes outside scratch regions.
    """

    def __init__(self, regions: Iterable[Region], *, word: int, big_endian: bool) -> None:
        self.regions = tuple(regions)
        self.word = word
        self.patches: list[tuple[int, int]] = []
        self.written: list[tuple[int, int]] = []
        self.version = 0
        self._order: Literal["big", "little"] = "big" if big_endian else "little"
        self._latest = self.regions[0]
        self._contents: dict[str, bytes] = {}
        """What was in a region when it was last asked for; of what only write() changes it still is."""

    def region(self, address: int, size: int = 1) -> Region | None:
        """The region that holds all of [address, address + size), or None."""
        end, latest = address + size, self._latest  # nine in ten are where the one before was
        if latest.base <= address and end <= latest.end:
            return latest
        for region in self.regions:
            if region.base <= address and end <= region.end:
                self._latest = region
                return region
        return None

    def read(self, address: int, size: int) -> bytes:
        """Bytes at an address. Raises IndexError where nothing is mapped."""
        region = self._mapped(address, size)
        start = address - region.base
        return region.data[start : start + size]

    def write(self, address: int, data: bytes) -> None:
        """Change bytes, code included. Raises IndexError where nothing is mapped."""
        region = self.put(address, data)
        self.version += not region.scratch
        self.written.append((address, address + len(data)))

    def put(self, address: int, data: bytes) -> Region:
        """The same for one whose time goes backwards, too: neither a version nor something that was written."""
        region = self._mapped(address, len(data))
        start = address - region.base
        region.data[start : start + len(data)] = data
        self._contents.pop(region.name, None)
        if region.executable:
            self.patches.append((address, address + len(data)))
        return region

    def contents(self) -> dict[str, bytes]:
        """{name: bytes} of every region but the scratch ones."""
        for region in self.regions:
            if not region.scratch and (region.writable or region.name not in self._contents):
                self._contents[region.name] = bytes(region.data)
        return dict(self._contents)

    def restore(self, contents: Mapping[str, bytes]) -> None:
        """Put the contents of regions back."""
        for region in self.regions:
            data = contents.get(region.name)
            if data is not None and bytes(region.data) != data:
                self.write(region.base, data)

    def read_word(self, address: int, size: int = 0) -> int:
        """An unsigned number of `size` bytes, a long unless said otherwise."""
        return int.from_bytes(self.read(address, size or self.word), self._order)

    def write_word(self, address: int, value: int, size: int = 0) -> None:
        """Write an unsigned number, cut to its size as a store does."""
        size = size or self.word
        self.write(address, (value & ((1 << 8 * size) - 1)).to_bytes(size, self._order))

    def _mapped(self, address: int, size: int) -> Region:
        region = self.region(address, size)
        if region is None:
            raise IndexError(f"no memory at {address:#x} (+{size})")
        return region

# SPDX-License-Identifier: GPL-2.0-only
"""System.map: what `nm -n vmlinux` printed when the kernel was built, a line a symbol (scripts/mksysmap)."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

from emulator.elf.strings import decoded
from emulator.errors import InputError, Place
from emulator.images.names import Name, is_name
from emulator.regular import open_regular
from emulator.spans import Span, inside

LIMIT = 1 << 26
"""The largest file, in bytes; a distribution's has seven million."""
LINE = re.compile(rb"([0-9a-fA-F]{1,16}) ([A-Za-z?-]) (\S{1,4096})(?:\t\[\S+\])?\r?\n")
"""Address, nm's letter for the section (a small one: local), name; perhaps the module, as in /proc/kallsyms."""
WEAK = b"vVwW"
FUNCTIONS = b"tTwWi"
SHOWN = 120


class MapNames:
    """The names of a System.map. Raises InputError, with the line, for what is none."""

    def __init__(self, path: Path) -> None:
        with open_regular(path) as file:
            data = file.read(LIMIT + 1)
        self._place = Place(str(path))
        if len(data) > LIMIT:
            raise InputError(f"is larger than {LIMIT} bytes", self._place)
        self._data = data if data.endswith(b"\n") else data + b"\n"
        self._starts, self._addresses = array("Q"), array("Q")
        self._read()

    def _read(self) -> None:
        at = 0
        for found in LINE.finditer(self._data):
            if found.start() != at:
                break
            self._starts.append(at)
            self._addresses.append(int(found[1], 16))
            at = found.end()
        if at < len(self._data):
            line = self._data[at : self._data.index(b"\n", at)][:SHOWN].decode("ascii", "backslashreplace")
            number = len(self._starts) + 1
            raise InputError(f"is no line of a System.map: {line!r}", Place(self._place.file, number))
        if all(address == 0 for address in self._addresses):
            raise InputError("hides all addresses: read as root, /proc/kallsyms has them", self._place)

    def named(self, names: Iterable[str]) -> dict[str, Name]:
        """See emulator.images.names.Names."""
        found: dict[str, Name] = {}
        for name in names:
            for symbol in self._symbols_of(name.encode()):
                if name not in found or symbol.binding == "global":
                    found[name] = symbol
        return found

    def _symbols_of(self, name: bytes) -> Iterator[Name]:
        at = self._data.find(b" " + name)
        while at >= 0:
            if self._data[at + 1 + len(name) : at + 2 + len(name)] in (b"\n", b"\r", b"\t"):
                yield self._symbol(self._data.rfind(b"\n", 0, at) + 1)
            at = self._data.find(b" " + name, at + 1)

    def within(self, spans: Iterable[Span]) -> list[Name]:
        """See emulator.images.names.Names."""
        wanted = inside(spans)
        found = [self._symbol(self._starts[at]) for at, address in enumerate(self._addresses) if wanted(address)]
        return sorted((name for name in found if is_name(name.name)), key=lambda name: name.address)

    def _symbol(self, start: int) -> Name:
        found = LINE.match(self._data, start)
        assert found is not None  # noqa: S101 - every line has been looked at
        letter = found[2]
        binding = "weak" if letter in WEAK else "local" if letter.islower() else "global"
        function = None if letter in FUNCTIONS else False
        return Name(decoded(found[3]), int(found[1], 16), 0, binding, function)

# SPDX-License-Identifier: GPL-2.0-only
"""The names of a kernel's addresses, out of its symbol table or its System.map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from emulator.elf import Elf
from emulator.elf.layout import SHN_UNDEF, STB_GLOBAL, STB_LOCAL, STT_FILE, STT_FUNC, STT_NOTYPE, STT_SECTION
from emulator.spans import Span

BINDINGS = {STB_LOCAL: "local", STB_GLOBAL: "global"}
NO_NAMES = ("$", "__pfx_")
"""Beginnings of symbols that name nothing: marks of ARM's ELF, the padding before x86's functions."""


class Name(NamedTuple):
    """A symbol. `size` is 0 where it is not known; `function` is None where nobody says what it is."""

    name: str
    address: int
    size: int = 0
    binding: str = "global"
    function: bool | None = None


class Names(Protocol):
    """A source of names. Raises InputError where it is damaged."""

    def named(self, names: Iterable[str]) -> dict[str, Name]:
        """{name: symbol} of those names that there are; a global one where there are several."""

    def within(self, spans: Iterable[Span]) -> list[Name]:
        """The symbols in these ranges, in the order of their addresses."""


class ElfNames:
    """The symbol table of a vmlinux."""

    def __init__(self, elf: Elf) -> None:
        self._elf = elf
        self._known: dict[str, Name | None] = {}

    def named(self, names: Iterable[str]) -> dict[str, Name]:
        """See Names. What has been looked for once is not looked for again."""
        wanted = list(names)
        missing = [name for name in wanted if name not in self._known]
        if missing:
            self._known |= {**dict.fromkeys(missing), **self._look_for(missing)}
        found = ((name, self._known[name]) for name in wanted)
        return {name: symbol for name, symbol in found if symbol is not None}

    def _look_for(self, names: Iterable[str]) -> dict[str, Name]:
        found: dict[str, Name] = {}
        for symbol in self._elf.symbols_named(names):
            if symbol.section != SHN_UNDEF and (symbol.name not in found or symbol.binding == STB_GLOBAL):
                found[symbol.name] = _name(symbol.name, symbol.value, symbol.size, symbol.info)
        return found

    def within(self, spans: Iterable[Span]) -> list[Name]:
        """See Names."""
        symbols = (
            _name(symbol.name, symbol.value, symbol.size, symbol.info)
            for symbol in self._elf.symbols_within(spans)
            if symbol.section != SHN_UNDEF and symbol.type not in (STT_FILE, STT_SECTION)
        )
        return sorted((name for name in symbols if is_name(name.name)), key=lambda name: name.address)


def _name(name: str, value: int, size: int, info: int) -> Name:
    function = info & 0xF == STT_FUNC or (info & 0xF == STT_NOTYPE and size > 0)  # SYM_CODE_START() types nothing
    return Name(name, value, size, BINDINGS.get(info >> 4, "weak"), function)


def is_name(name: str) -> bool:
    """Whether it says anything."""
    return bool(name) and not name.startswith(NO_NAMES)

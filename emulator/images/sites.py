# SPDX-License-Identifier: GPL-2.0-only
"""Real functions of a kernel with their sites, found through __mcount_loc, as far as a trampoline has to do with them.

A function's body is not run: where the trampoline lands stands a return. So that this returns to the caller, a run
begins with what the compiler put before the call for its sake, and not with the function's own prologue.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from emulator.assembly import fixups
from emulator.assembly.piece import Piece, Section, Symbol
from emulator.description import Arch, Site, ops_literal
from emulator.errors import InputError, Place
from emulator.images.contents import Contents
from emulator.images.names import Name, Names
from emulator.placement import CALLERS, SITES
from emulator.spans import Span

START, STOP = "__start_mcount_loc", "__stop_mcount_loc"
MOST_SITES = 1 << 20
LONGEST = 1 << 20
"""Bytes of a function, where its symbol does not say how long it is."""
BEFORE = 4096
"""Bytes between a function's symbol and its site, at most; a compiler leaves a few dozen."""
NEIGHBOURS = 64
"""How far from a site another one is looked for, in entries of the table."""
SAMPLE = 64
"""Sites that are looked at to see what a compiler does."""


class TracedFunction(NamedTuple):
    """A function of the image and its site."""

    name: str
    start: int
    ip: int


class Sites:
    """The traced functions of an image. `mcount` is what a site calls before boot. Raises InputError everywhere."""

    def __init__(self, contents: Contents, names: Names, arch: Arch, site: Site) -> None:
        self._contents, self._names, self._arch, self._site = contents, names, arch, site
        self._place = Place(contents.name)
        wanted = [START, STOP, *([site.mcount] if site.mcount else [])]
        found = names.named(wanted)
        for name in wanted:
            if name not in found:
                raise InputError(f"has no symbol {name}, by which sites of its functions are found", self._place)
        self._mcount = found[site.mcount].address if site.mcount else None
        self.ips = self._table(found[START].address, found[STOP].address)
        """The addresses of all sites, in their order, but for landing pads on the way there."""

    def _table(self, start: int, stop: int) -> list[int]:
        """The table's entries; those of weak functions that lost are 0 (scripts/sorttable.c)."""
        word = self._arch.word
        if not 0 <= stop - start <= MOST_SITES * word or (stop - start) % word:
            raise InputError(f"{START} and {STOP} are {start:#x} and {stop:#x}", self._place)
        data = self._contents.read(start, stop - start)
        if len(data) < stop - start:
            raise InputError(f"the table at {start:#x} ends after {len(data)} of {stop - start} bytes", self._place)
        entries = struct.iter_unpack((">" if self._arch.big_endian else "<") + {4: "I", 8: "Q"}[word], data)
        return sorted(entry + self._site.loc for (entry,) in entries if entry)

    def find(self, name: str) -> TracedFunction | None:
        """The function of that name; None where the image has no such symbol."""
        symbol = self._names.named([name]).get(name)
        if symbol is None:
            return None
        end = symbol.address + (symbol.size or LONGEST)
        ips = self.ips[bisect.bisect_left(self.ips, symbol.address) :][:1]
        if not ips or ips[0] >= end or (not symbol.size and self._function_at(ips[0]) not in (None, name)):
            raise InputError(f"{name} at {symbol.address:#x} has no site: no entry of {START} lies in it", self._place)
        return self._verified(TracedFunction(name, symbol.address, self._behind_pad(ips[0])))

    def neighbour(self, function: TracedFunction) -> TracedFunction:
        """Another traced function, near this one."""
        at = bisect.bisect_left(self.ips, function.ip)
        ips = [ip for ip in self.ips[max(at - NEIGHBOURS, 0) : at + NEIGHBOURS] if ip != function.ip]
        around = Span(min(ips, default=0) - BEFORE, max(ips, default=0) + 1)
        for ip, symbol in self._functions(ips, self._names.within([around])):
            if symbol.name != function.name and symbol.address != function.start:
                return self._verified(TracedFunction(symbol.name, symbol.address, self._behind_pad(ip)))
        raise InputError(f"has no traced function near {function.name}", self._place)

    def padded(self) -> bool:
        """Whether functions begin with landing pads, as any of the first ones does.

        Not all of them do: a compiler spares a static function of which nobody takes the address.
        """
        pad, before = self._arch.landing_pad, len(self._site.prologue)
        calls = [self._behind_pad(ip) for ip in self.ips[:SAMPLE]]
        return any(self._contents.read(ip - before - len(pad), len(pad)) == pad for ip in calls)

    def _behind_pad(self, ip: int) -> int:
        """The call: where the site would begin without a landing pad there may be one."""
        pad = self._arch.landing_pad
        there = self._contents.read(ip - len(self._site.prologue), len(pad)) if pad else b""
        return ip + len(pad) if pad and there == pad else ip

    def _function_at(self, ip: int) -> str | None:
        names = self._names.within([Span(ip - BEFORE, ip + 1)])
        return next((symbol.name for _, symbol in self._functions([ip], names)), None)

    def _functions(self, ips: Sequence[int], names: Sequence[Name]) -> Iterator[tuple[int, Name]]:
        """Each site with the function around it."""
        for ip in ips:
            before = [name for name in names if name.address <= ip and name.function is not False]
            if before:
                yield ip, max(before, key=lambda name: name.address)

    def _verified(self, function: TracedFunction) -> TracedFunction:
        """Raises InputError, with symbol, address and bytes, where the compiler's call does not stand at the site."""
        wanted, start = self._compiled(function.ip), function.ip - len(self._site.prologue)
        there = self._contents.read(start, len(wanted))
        if there != wanted:
            where = f"{function.name}+{start - function.start:#x} ({start:#x})"
            meant = f"a call of {self._site.mcount}" if self._site.mcount else "NOPs to be patched"
            what = f"expected {wanted.hex(' ')}, {meant}, found {there.hex(' ')}"
            raise InputError(f"{where}: {what}", self._place)
        return function

    def _compiled(self, ip: int) -> bytes:
        """What a compiler leaves at a site and before it for its sake."""
        site = self._site
        if self._mcount is None:
            return site.nop * (1 + len(site.prologue) // len(site.nop))
        return site.prologue + fixups.encode_branch(site.call, ip, self._mcount)

    # -- as a piece ---------------------------------------------------------------------------------------------------

    def piece(self, functions: Sequence[TracedFunction]) -> Piece:
        """Functions in the place of the laboratory's own, each entered where its site begins."""
        word = self._arch.word
        ips = self._words(function.ip for function in functions)
        entries = ((function.ip, function.ip - len(self._site.prologue)) for function in functions)
        callers = self._words(address for pair in entries for address in pair)
        sections = {function.name: self._section(function) for function in functions}
        sections |= {SITES: Section(SITES, ips, word), CALLERS: Section(CALLERS, callers, word)}
        symbols = {
            function.name: Symbol(
                function.name,
                function.name,
                function.start - self._first(function),
                function.ip + len(self._site.call.opcode) + len(self._arch.function_return) - function.start,
                "global",
                function=True,
            )
            for function in functions
        }
        return Piece(self._contents.name, sections, symbols, (), ())

    def _words(self, values: Iterable[int]) -> bytes:
        return b"".join(value.to_bytes(self._arch.word, self._arch.order) for value in values)

    def _section(self, function: TracedFunction) -> Section:
        landing, start = function.ip + len(self._site.call.opcode), self._first(function)
        code = self._contents.read(start, landing - start) + self._arch.function_return
        return Section(function.name, code, executable=True, address=start)

    def _first(self, function: TracedFunction) -> int:
        """Where what belongs to the function begins: the pointer to its ops, if it has one, is before it."""
        literal = ops_literal(self._site, function.ip, self._arch.word)
        return function.start if literal is None else min(literal, function.start)

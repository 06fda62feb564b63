# SPDX-License-Identifier: GPL-2.0-only
"""A subject's code at kernel addresses, with a name for everything: what all kernels made of that subject share.

Text, from low to high: one page left free, the trampolines, the kernel's functions, C functions ("gates": Python acts
for them), the page of the exit. Data: the kernel's variables, room for ops, the subject's own data. What a kernel's
image has an address for is at that address instead, on pages of its own.
"""

from __future__ import annotations

import bisect
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import zip_longest

from emulator.assembly.decode import verify
from emulator.assembly.link import Placed, in_a_row, place
from emulator.assembly.piece import Piece, Section, Symbol
from emulator.core import releases
from emulator.core.release import VARIABLES
from emulator.errors import InputError, Place
from emulator.machine.memory import PAGE
from emulator.spans import Span, overlap, pages
from emulator.subject import Subject
from emulator.symbols import Symbols

TEXT_SIZE = 16 * PAGE
OPS_OFFSET, SUBJECT_DATA_OFFSET, DATA_SIZE = PAGE // 2, 4 * PAGE, 8 * PAGE
"""The data region: variables, from OPS_OFFSET on ops, then the subject's own data; in bytes."""
GATE_SIZE = 16
"""Bytes from one C function to the next; each is a return instruction."""
CALL_ROOM = 16
"""Bytes of text that must follow a label, so that any instruction could stand there."""

SITES, CALLERS = "__mcount_loc", "__callers"
"""kernel.S's tables: the addresses of sites; pairs of a function and of who calls it."""
STUB, GRAPH_STUB, PANIC = "ftrace_stub", "ftrace_graph_entry_stub", "panic"
"""The callback when there is none, and the graph tracer's; where a return goes whose address is lost.

C functions here where the source does not have them.
"""
PREPARE, RETURN = "prepare_ftrace_return", "ftrace_return_to_handler"
"""The C functions of the graph tracer."""
EXIT = "[exit]"
"""The name of the address that a whole run returns to."""


class Room:
    """The addresses [start, end), given out one after another."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end

    def has(self, size: int, align: int = 1) -> bool:
        """Whether `size` bytes are left."""
        return -(-self.start // align) * align + size <= self.end

    def take(self, what: str, size: int, align: int = 1) -> int:
        """An address, a multiple of `align`. Raises InputError where not so many bytes are left."""
        if not self.has(size, align):
            raise InputError(f"no room for {what}")
        address = -(-self.start // align) * align
        self.start = address + size
        return address


class Placement:
    """Where a subject's code, the kernel's variables and its C functions are. Nothing here changes afterwards.

    Raises InputError where the code does not fit, or defines what the kernel has already, AssemblyError where an
    instruction does not decode to what its line says.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject, self.arch = subject, subject.arch
        self.symbols = Symbols()
        self.memory, self._known = subject.memory, subject.known
        self.text, self.data = self.memory.text, self.memory.data
        self.exit = self.text + TEXT_SIZE - PAGE
        self.gates: list[int] = []
        """The addresses of C functions."""
        self.own_gates: list[int] = []
        """Those among them that stand where the image has them."""
        self._labels: dict[str, int] = {}
        self._code: list[Span] = []
        self._variables_at: list[Span] = []
        self.missing: tuple[str, ...] = ()
        """What the trampolines refer to and nobody has: a run that comes there ends with TrapReached, which names it.

        Unless somebody acts for it: Lab.implement().
        """
        self.gate_room = Room(self.exit - PAGE, self.exit)
        self._subject_data = Room(self.data + SUBJECT_DATA_OFFSET, self.data + DATA_SIZE)
        self._variables()
        self.trampolines, self.kernel = self._place(subject.trampolines, subject.kernel)
        self.symbols.add_function(EXIT, self.exit, PAGE)
        self.own_text, self.own_data = self._own_pages()
        """The pages of the image that there are here."""
        self.sites = [(ip, self._function(ip)) for ip in self._table(SITES)]
        """Address and function of each site."""
        pairs = self._table(CALLERS)
        self.callers = {self._function(called): caller for called, caller in zip(pairs[::2], pairs[1::2], strict=True)}
        """{function: the address of one that calls it}."""

    def label(self, name: str) -> int:
        """The address of a code label that the variant needs. Raises InputError where the source lacks it."""
        if name not in self._labels:  # clauses ask time and again
            self._labels[name] = self._find_label(name)
        return self._labels[name]

    def _find_label(self, name: str) -> int:
        address = self.symbols.get(name)
        source = Place(self.trampolines.name)
        if address is None:
            raise InputError(f"lacks the label {name}, which {self.subject.variant.name} needs", source)
        room = Span(address, address + CALL_ROOM)
        if not any(text.holds(room) for text in (Span(self.text, self.text + TEXT_SIZE), *self.own_text)):
            raise InputError(f"{name} is {address:#x}, which is not an address of code", source)
        return address

    @cached_property
    def built(self) -> Mapping[int, bytes]:
        """{address: bytes} of all text, as it was assembled; but for the room for C functions."""
        texts = {span.start: bytearray(span.size) for span in (Span(self.text, self.exit - PAGE), *self.own_text)}
        made = [(chunk.address, chunk.data) for chunk in (*self.trampolines.chunks, *self.kernel.chunks)]
        made += [(gate, self.arch.function_return) for gate in self.own_gates]
        for address, data in made:
            for start, text in texts.items():
                if start <= address < start + len(text):
                    text[address - start : address - start + len(data)] = data
        return {start: bytes(text) for start, text in texts.items()}

    def bytes_at(self, address: int, size: int) -> bytes:
        """Bytes of the subject's code as it was assembled; fewer, or none, where there are none of it."""
        return self.trampolines.bytes_at(address, size) or self.kernel.bytes_at(address, size)

    # -- addresses ----------------------------------------------------------------------------------------------------

    def _variables(self) -> None:
        room = Room(self.data, self.data + OPS_OFFSET)
        for name, kind in VARIABLES.items():
            address = self._known.get(name)
            if address is None:
                address = room.take(name, 4 if kind == "int" else self.arch.word, 8)
            else:
                self._variables_at.append(Span(address, address + self.arch.word))
            self.symbols.add_data(name, address)

    def _place(self, trampolines: Piece, kernel: Piece) -> tuple[Placed, Placed]:
        """Each on pages of its own, each name known to both."""
        start = self.text + PAGE
        first = self._bases(trampolines, start)
        start = _end(trampolines, first, start)
        second = self._bases(kernel, start)
        if _end(kernel, second, start) > self.gate_room.start:
            raise InputError(f"the code does not fit into {TEXT_SIZE} bytes of text", Place(trampolines.name))
        known = self._link(((trampolines, first), (kernel, second)))
        placed = place(trampolines, first, known), place(kernel, second, known)
        for code, piece in zip(placed, (trampolines, kernel), strict=True):
            if not self.subject.altered and not piece.decoded:
                verify(code, self.arch.engine)
            self._name(code, piece)
        return placed

    def _bases(self, piece: Piece, start: int) -> dict[str, int]:
        """Addresses of the sections: code in a row from `start`, data that nothing runs in the data region."""
        free = [section for section in piece.sections.values() if section.address is None]
        bases = in_a_row((section for section in free if section.executable), start)
        for section in piece.sections.values():
            if section.address is not None:
                bases[section.name] = section.address
                spans = self._code if section.executable else self._variables_at
                spans.append(Span(section.address, section.address + len(section.data) + CALL_ROOM))
            elif not section.executable:
                size, align = len(section.data), max(section.align, 8)
                if not self._subject_data.has(size, align):
                    room = DATA_SIZE - SUBJECT_DATA_OFFSET
                    raise InputError(f"more than {room} bytes of data", Place(piece.name))
                bases[section.name] = self._subject_data.take(section.name, size, align)
        return bases

    def _link(self, pieces: Sequence[tuple[Piece, Mapping[str, int]]]) -> dict[str, int]:
        """{name: address} of what the core and the pieces offer; what nobody defines becomes a C function.

        Raises InputError for a second definition, as a linker would.
        """
        known = {name: self.symbols.address(name) for name in VARIABLES}
        known |= {name: self._gate(name) for name in releases.release(self.subject.variant.release).functions}
        weak: dict[str, int] = {}
        for piece, bases in pieces:
            for symbol in piece.symbols.values():
                address = symbol.value + (bases[symbol.section] if symbol.section else 0)
                if symbol.binding == "weak":
                    weak.setdefault(symbol.name, address)
                elif symbol.binding != "local":
                    if symbol.name in known:
                        raise InputError(f"defines {symbol.name}, which the kernel here has already", Place(piece.name))
                    known[symbol.name] = address
        known = {**weak, **known}
        self.missing = _missing(self.subject.trampolines, known)
        wanted = [STUB, GRAPH_STUB, PANIC, *(name for piece, _ in pieces for name in piece.undefined)]
        return known | {name: self._gate(name) for name in dict.fromkeys(wanted) if name not in known}

    def _gate(self, name: str) -> int:
        address = self._known.get(name)
        if address is None:
            address = self.gate_room.take(f"another function ({name})", GATE_SIZE, GATE_SIZE)
        else:
            self.own_gates.append(address)
            self._code.append(Span(address, address + GATE_SIZE))
        self.gates.append(address)
        self.symbols.add_function(name, address, GATE_SIZE)
        return address

    def _own_pages(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The pages of code and of data that an image's own addresses are on. Raises InputError where they collide."""
        text, data = pages(self._code), pages(self._variables_at)
        ours = Span(self.text, self.text + TEXT_SIZE), Span(self.data, self.data + DATA_SIZE)
        both = overlap([*text, *data, *ours])
        if both is not None:
            raise InputError(f"{both.start:#x} is on a page of code and on one of data", Place(self.trampolines.name))
        return text, data

    # -- names --------------------------------------------------------------------------------------------------------

    def _name(self, placed: Placed, piece: Piece) -> None:
        for line in placed.lines:
            self.symbols.add_line(line.address, line.line)
        for name, size in _functions(piece).items():
            self.symbols.add_function(name, placed.symbols[name], size)
        for name, address in placed.symbols.items():
            if name not in self.symbols:
                self.symbols.add_label(name, address)

    def _table(self, section: str) -> list[int]:
        """The words of one of kernel.S's tables."""
        data = b"".join(chunk.data for chunk in self.kernel.chunks if chunk.section == section)
        words = struct.iter_unpack((">" if self.arch.big_endian else "<") + {4: "I", 8: "Q"}[self.arch.word], data)
        return [word for (word,) in words]

    def _function(self, address: int) -> str:
        function = self.symbols.function(address)
        return function.name if function else f"{address:#x}"


@lru_cache(maxsize=16)
def placement(subject: Subject) -> Placement:
    """The subject's placement; the same one for every kernel that is made of it."""
    return Placement(subject)


def _missing(piece: Piece, known: Mapping[str, int]) -> tuple[str, ...]:
    acted_for = (STUB, GRAPH_STUB, PANIC, PREPARE, RETURN)
    return tuple(name for name in piece.undefined if name not in known and name not in acted_for)


def _end(piece: Piece, bases: Mapping[str, int], start: int) -> int:
    """The page behind the code."""
    free = [section for section in piece.sections.values() if section.executable and section.address is None]
    ends = [bases[section.name] + len(section.data) for section in free]
    return -(-max([start, *ends]) // PAGE) * PAGE


def _functions(piece: Piece) -> dict[str, int]:
    """{name: size in bytes} of what listings should call a function.

    That is what its author typed as one, or gave a size (SYM_CODE_START() of the kernel does the latter alone), and
    every global label outside of these. Each without a size goes up to the next one.
    """
    code = {section.name: section for section in piece.sections.values() if section.executable}
    labels = [symbol for symbol in piece.symbols.values() if symbol.section in code]
    shown = [symbol for symbol in labels if symbol.function or symbol.size]
    shown += _outside([label for label in labels if label.binding != "local"], list(_sized(shown, code)))
    return {symbol.name: size for symbol, size in _sized(list(dict.fromkeys(shown)), code)}


def _outside(labels: list[Symbol], functions: list[tuple[Symbol, int]]) -> Iterator[Symbol]:
    """Those labels that lie in none of the functions."""
    reaches: dict[str | None, list[tuple[int, int]]] = defaultdict(list)
    for function, size in functions:  # in the order of their values
        known = reaches[function.section]
        known.append((function.value, max(function.value + size, known[-1][1] if known else 0)))
    for label in labels:
        known = reaches[label.section]
        index = bisect.bisect_right(known, label.value, key=lambda one: one[0])
        if not index or label.value >= known[index - 1][1]:
            yield label


def _sized(symbols: list[Symbol], code: Mapping[str, Section]) -> Iterator[tuple[Symbol, int]]:
    symbols.sort(key=lambda symbol: (symbol.section or "", symbol.value))
    for symbol, after in zip_longest(symbols, symbols[1:]):
        end = after.value if after and after.section == symbol.section else len(code[symbol.section or ""].data)
        yield symbol, symbol.size or end - symbol.value

# SPDX-License-Identifier: GPL-2.0-only
"""The fake kernel: a subject's code at kernel addresses, with functions, variables, ops, a module area and a stack."""

from __future__ import annotations

import random
from collections.abc import Mapping

from emulator.assembly.link import Placed, in_a_row, place
from emulator.assembly.piece import Piece, Section
from emulator.core.records import DynFtrace
from emulator.core.release import FUNCTIONS, VARIABLES
from emulator.errors import InputError, Place
from emulator.machine.memory import PAGE, Memory, Region
from emulator.subject import Subject
from emulator.symbols import Symbols

TEXT_SIZE = 16 * PAGE
DATA_SIZE = 4 * PAGE
STACK_SIZE = 4 * PAGE
MODULE_SIZE = 64 * PAGE
GATE_SIZE = 16
"""Bytes from one C function of the image to the next; each is a return instruction."""

SITES, CALLERS = "__mcount_loc", "__callers"
EXIT = "[exit]"
"""The name of the address that a whole run returns to."""


class Image:
    """One subject laid out in memory. Everything in it has a name; `symbols` knows them all.

    From low to high: text = trampolines, the kernel's functions, C functions ("gates": Python acts for them), the exit
    page; data = variables and ops, then the subject's own data; modules = private copies and module functions, then
    the ops of modules; stack.
    Raises InputError where the subject's code lacks a label or does not fit.
    """

    def __init__(self, subject: Subject, seed: int) -> None:
        self.subject, self.arch, self.variant = subject, subject.arch, subject.variant
        self.symbols = Symbols()
        self.word = self.arch.word
        where = self.arch.memory
        self.stack = Region("stack", where.stack, STACK_SIZE, writable=True, scratch=True)
        self.data = Region("data", where.data, DATA_SIZE, writable=True)
        self._module_data = Region("module data", where.modules + MODULE_SIZE, PAGE, writable=True)
        text = Region("text", where.text, TEXT_SIZE, executable=True)
        modules = Region("modules", where.modules, MODULE_SIZE, executable=True)
        regions = (text, self.data, self.stack, modules, self._module_data)
        self.memory = Memory(regions, word=self.word, big_endian=self.arch.big_endian)
        self.exit = text.end - PAGE
        self.gates = self.exit - PAGE
        self.module_gates = modules.base
        self._free = {"text": self.gates, "data": where.data, "modules": modules.base + PAGE, "ops": 0x800 + where.data}
        self._free_module_ops = self._module_data.base
        self.poison = random.Random(f"poison {seed}").randbytes(STACK_SIZE)
        self._variables()
        self._place_code()
        self.records = [DynFtrace(ip, self._function_name(ip)) for ip in self._table(SITES)]
        pairs = self._table(CALLERS)
        self.callers = {self._function_name(function): caller for function, caller in zip(pairs[::2], pairs[1::2])}

    # -- code ---------------------------------------------------------------------------------------------------------

    def _variables(self) -> None:
        for name, kind in VARIABLES.items():
            size = 4 if kind == "int" else self.word
            self.symbols.add_data(name, self._take("data", size, 8))

    def _place_code(self) -> None:
        """Trampolines one page into the text, the kernel's functions from the next page on, each name known to both."""
        self._take("data", 0, 0x800)
        self._free["subject"] = self.data.base + 2 * PAGE
        trampolines, kernel = self.subject.trampolines, self.subject.kernel
        start = self.arch.memory.text + PAGE
        bases = [self._bases(trampolines, start)]
        start = self._end(trampolines, bases[0], start)
        bases.append(self._bases(kernel, start))
        if self._end(kernel, bases[1], start) > self.gates:
            raise InputError(f"the code does not fit into {TEXT_SIZE} bytes of text", Place(trampolines.name))
        known = {name: self.symbols.address(name) for name in VARIABLES}
        known |= {name: self.add_gate(name) for name in FUNCTIONS}
        pieces = ((trampolines, bases[0]), (kernel, bases[1]))
        for piece, at in pieces:
            known |= _globals(piece, at)
        for piece, _ in pieces:
            known |= {name: self.add_gate(name) for name in piece.undefined if name not in known}
        self.trampolines, self.kernel = (place(piece, at, known) for piece, at in pieces)
        for placed, (piece, _) in zip((self.trampolines, self.kernel), pieces, strict=True):
            self._load(placed, piece)
        self.memory.write(self.exit, self.arch.exit)
        self.symbols.add_function(EXIT, self.exit, PAGE)

    def _bases(self, piece: Piece, start: int) -> dict[str, int]:
        """Addresses of the sections: code in a row from `start`, data that nothing runs in the data region."""
        code = [section for section in piece.sections.values() if section.executable]
        data = [section for section in piece.sections.values() if not section.executable]
        bases = in_a_row(code, start)
        for section in data:
            bases[section.name] = self._take("subject", len(section.data), max(section.align, 8))
        if self._free["subject"] > self.data.end:
            raise InputError(f"more than {2 * PAGE} bytes of data", Place(piece.name))
        return bases

    def _end(self, piece: Piece, bases: Mapping[str, int], start: int) -> int:
        """The page behind the code."""
        ends = [bases[section.name] + len(section.data) for section in piece.sections.values() if section.executable]
        return -(-max([start, *ends]) // PAGE) * PAGE

    def _load(self, placed: Placed, piece: Piece) -> None:
        for chunk in placed.chunks:
            self.memory.write(chunk.address, chunk.data)
        for line in placed.lines:
            if line.line.instruction:
                self.symbols.add_line(line.address, line.line)
        for name, size in _functions(piece).items():
            self.symbols.add_function(name, placed.symbols[name], size)
        for name, address in placed.symbols.items():
            if name not in self.symbols:
                self.symbols.add_label(name, address)

    def _table(self, section: str) -> list[int]:
        """The words of one of kernel.S's tables."""
        for chunk in self.kernel.chunks:
            if chunk.section == section:
                places = range(chunk.address, chunk.end, self.word)
                return [self.memory.read_word(address) for address in places]
        return []

    def _function_name(self, address: int) -> str:
        function = self.symbols.function(address)
        return function.name if function else f"{address:#x}"

    # -- room ---------------------------------------------------------------------------------------------------------

    def _take(self, area: str, size: int, align: int) -> int:
        address = -(-self._free[area] // max(align, 1)) * max(align, 1)
        self._free[area] = address + size
        return address

    def add_gate(self, name: str, home: str = "core") -> int:
        """A C function that Python acts for: an address with a return instruction. Raises InputError when room ends."""
        area = "text" if home == "core" else "module gates"
        self._free.setdefault("module gates", self.module_gates)
        address = self._take(area, GATE_SIZE, GATE_SIZE)
        limit = (self.gates if home == "core" else self.module_gates) + PAGE
        if address >= limit:
            raise InputError(f"no room for another function ({name})")
        self.memory.write(address, self.arch.function_return)
        self.symbols.add_function(name, address, GATE_SIZE)
        return address

    def add_ops(self, name: str, size: int, home: str) -> int:
        """Room for a struct ftrace_ops. Raises InputError when it ends."""
        area, limit = ("ops", self.data.base + 2 * PAGE) if home == "core" else ("module ops", self._module_data.end)
        self._free.setdefault("module ops", self._module_data.base)
        address = self._take(area, size, 8)
        if address + size > limit:
            raise InputError(f"no room for another ops ({name})")
        self.symbols.add_data(name, address)
        return address

    def add_copy(self, size: int) -> int:
        """Pages of the module area for a private copy. Raises InputError when they end."""
        address = self._take("modules", -(-size // PAGE) * PAGE, PAGE)
        if address + size > self._module_data.base:
            raise InputError("no room for another private trampoline")
        return address

    # -- runs ---------------------------------------------------------------------------------------------------------

    def fill_stack(self) -> None:
        """Poison the whole stack, so that every byte that nobody writes can be told."""
        self.stack.data[:] = self.poison

    def label(self, name: str) -> int:
        """The address of a label that the variant needs. Raises InputError where the source lacks it."""
        address = self.symbols.get(name)
        if address is None:
            raise InputError(f"lacks the label {name}, which {self.variant.name} needs", Place(self.trampolines.name))
        return address


def _globals(piece: Piece, bases: Mapping[str, int]) -> dict[str, int]:
    """What one piece offers to the other."""
    return {
        symbol.name: symbol.value + (bases[symbol.section] if symbol.section else 0)
        for symbol in piece.symbols.values()
        if symbol.binding != "local"
    }


def _functions(piece: Piece) -> dict[str, int]:
    """{name: size in bytes} of what listings should call a function.

    A source whose author typed no label as a function gets its global labels instead, each up to the next one.
    """
    code = {section.name: section for section in piece.sections.values() if section.executable}
    labels = [symbol for symbol in piece.symbols.values() if symbol.section in code]
    shown = [symbol for symbol in labels if symbol.function] or [item for item in labels if item.binding != "local"]
    shown.sort(key=lambda symbol: (symbol.section or "", symbol.value))
    sizes = {}
    for symbol, after in zip(shown, [*shown[1:], None], strict=True):
        section: Section = code[symbol.section or ""]
        end = after.value if after and after.section == symbol.section else len(section.data)
        sizes[symbol.name] = symbol.size or end - symbol.value
    return sizes

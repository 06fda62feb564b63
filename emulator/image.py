# SPDX-License-Identifier: GPL-2.0-only
"""The fake kernel: a subject's code at kernel addresses, with functions, variables, ops, a module area and a stack."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from emulator.assembly.link import Placed, in_a_row, place
from emulator.assembly.piece import Piece, Section
from emulator.core.records import DynFtrace
from emulator.core.release import FUNCTIONS, VARIABLES
from emulator.errors import InputError, Place
from emulator.machine.memory import PAGE, Memory, Region
from emulator.subject import Subject
from emulator.symbols import Symbols

TEXT_SIZE = 16 * PAGE
OPS_OFFSET, SUBJECT_DATA_OFFSET, DATA_SIZE = PAGE // 2, 4 * PAGE, 8 * PAGE
"""The data region: variables, from OPS_OFFSET on ops, then the subject's own data; in bytes."""
STACK_SIZE = 8 * PAGE
MODULE_SIZE = 64 * PAGE
COPY_ALIGN = 512
"""The kernel begins a page for each private copy; less makes room for hundreds of them."""
GATE_SIZE = 16
"""Bytes from one C function of the image to the next; each is a return instruction."""

CALL_ROOM = 16
"""Bytes of code that must follow a label, so that any instruction could stand there."""

SITES, CALLERS = "__mcount_loc", "__callers"
STUB, GRAPH_STUB = "ftrace_stub", "ftrace_graph_entry_stub"
"""The callback when there is none, and the graph tracer's; C functions here where the source does not have them."""
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
        self._free = {
            "text": self.gates,
            "data": where.data,
            "ops": where.data + OPS_OFFSET,
            "subject": where.data + SUBJECT_DATA_OFFSET,
            "module gates": self.module_gates,
            "modules": modules.base + PAGE,
            "module ops": self._module_data.base,
        }
        self.poison = random.Random(f"poison {seed}").randbytes(STACK_SIZE)
        self._variables()
        self._place_code()
        self.records = [DynFtrace(ip, self._function_name(ip)) for ip in self._table(SITES)]
        pairs = self._table(CALLERS)
        self.callers = {
            self._function_name(function): caller for function, caller in zip(pairs[::2], pairs[1::2], strict=True)
        }

    # -- code ---------------------------------------------------------------------------------------------------------

    def _variables(self) -> None:
        for name, kind in VARIABLES.items():
            size = 4 if kind == "int" else self.word
            self.symbols.add_data(name, self._take("data", size, 8))

    def _place_code(self) -> None:
        """Trampolines one page into the text, the kernel's functions from the next page on, each name known to both."""
        trampolines, kernel = self.subject.trampolines, self.subject.kernel
        start = self.arch.memory.text + PAGE
        pieces = [(trampolines, self._bases(trampolines, start))]
        start = self._end(trampolines, pieces[0][1], start)
        pieces.append((kernel, self._bases(kernel, start)))
        if self._end(kernel, pieces[1][1], start) > self.gates:
            raise InputError(f"the code does not fit into {TEXT_SIZE} bytes of text", Place(trampolines.name))
        known = self._link(pieces)
        self.trampolines, self.kernel = (place(piece, at, known) for piece, at in pieces)
        for placed, (piece, _) in zip((self.trampolines, self.kernel), pieces, strict=True):
            self._load(placed, piece)
        self.memory.write(self.exit, self.arch.exit)
        self.symbols.add_function(EXIT, self.exit, PAGE)

    def _link(self, pieces: Sequence[tuple[Piece, Mapping[str, int]]]) -> dict[str, int]:
        """{name: address} of what the core and the pieces offer; what nobody defines becomes a C function.

        Raises InputError for a second definition, as a linker would.
        """
        known = {name: self.symbols.address(name) for name in VARIABLES}
        known |= {name: self.add_gate(name) for name in FUNCTIONS}
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
        wanted = [STUB, GRAPH_STUB, *(name for piece, _ in pieces for name in piece.undefined)]
        return known | {name: self.add_gate(name) for name in dict.fromkeys(wanted) if name not in known}

    def _bases(self, piece: Piece, start: int) -> dict[str, int]:
        """Addresses of the sections: code in a row from `start`, data that nothing runs in the data region."""
        code = [section for section in piece.sections.values() if section.executable]
        data = [section for section in piece.sections.values() if not section.executable]
        bases = in_a_row(code, start)
        for section in data:
            bases[section.name] = self._take("subject", len(section.data), max(section.align, 8))
        if self._free["subject"] > self.data.end:
            raise InputError(f"more than {DATA_SIZE - SUBJECT_DATA_OFFSET} bytes of data", Place(piece.name))
        return bases

    def _end(self, piece: Piece, bases: Mapping[str, int], start: int) -> int:
        """The page behind the code."""
        ends = [bases[section.name] + len(section.data) for section in piece.sections.values() if section.executable]
        return -(-max([start, *ends]) // PAGE) * PAGE

    def _load(self, placed: Placed, piece: Piece) -> None:
        for chunk in placed.chunks:
            self.memory.write(chunk.address, chunk.data)
        for line in placed.lines:
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
        address = -(-self._free[area] // align) * align
        self._free[area] = address + size
        return address

    def add_gate(self, name: str, home: str = "core") -> int:
        """A C function that Python acts for: an address with a return instruction. Raises InputError when room ends."""
        area, start = ("text", self.gates) if home == "core" else ("module gates", self.module_gates)
        address = self._take(area, GATE_SIZE, GATE_SIZE)
        if address >= start + PAGE:
            raise InputError(f"no room for another function ({name})")
        self.memory.write(address, self.arch.function_return)
        self.symbols.add_function(name, address, GATE_SIZE)
        return address

    def add_ops(self, name: str, size: int, home: str) -> int:
        """Room for a struct ftrace_ops. Raises InputError when it ends."""
        core = self.data.base + SUBJECT_DATA_OFFSET
        area, limit = ("ops", core) if home == "core" else ("module ops", self._module_data.end)
        address = self._take(area, size, 8)
        if address + size > limit:
            raise InputError(f"no room for another ops ({name})")
        self.symbols.add_data(name, address)
        return address

    def expect_room_for_copy(self, size: int) -> None:
        """Raises InputError where a private copy of that many bytes would not fit any more."""
        if self._free["modules"] + size > self._module_data.base:
            raise InputError("no room for another private trampoline")

    def add_copy(self, size: int) -> int:
        """Room in the module area for a private copy. Raises InputError when it ends."""
        self.expect_room_for_copy(size)
        return self._take("modules", -(-size // COPY_ALIGN) * COPY_ALIGN, COPY_ALIGN)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def fill_stack(self) -> None:
        """Poison the whole stack, so that every byte that nobody writes can be told."""
        self.stack.data[:] = self.poison

    def label(self, name: str) -> int:
        """The address of a code label that the variant needs. Raises InputError where the source lacks it."""
        address = self.symbols.get(name)
        place = Place(self.trampolines.name)
        if address is None:
            raise InputError(f"lacks the label {name}, which {self.variant.name} needs", place)
        region = self.memory.region(address, CALL_ROOM)
        if region is None or not region.executable:
            raise InputError(f"{name} is {address:#x}, which is not an address of code", place)
        return address


def _functions(piece: Piece) -> dict[str, int]:
    """{name: size in bytes} of what listings should call a function.

    A source whose author typed no label as a function gets its global labels instead, each up to the next one.
    """
    code = {section.name: section for section in piece.sections.values() if section.executable}
    labels = [symbol for symbol in piece.symbols.values() if symbol.section in code]
    shown = [symbol for symbol in labels if symbol.function] or [item for item in labels if item.binding != "local"]
    shown.sort(key=lambda symbol: (symbol.section or "", symbol.value))
    sizes = {}
    for symbol, after in zip_longest(shown, shown[1:]):
        section: Section = code[symbol.section or ""]
        end = after.value if after and after.section == symbol.section else len(section.data)
        sizes[symbol.name] = symbol.size or end - symbol.value
    return sizes

# SPDX-License-Identifier: GPL-2.0-only
"""The ELF file of a kernel of the laboratory as it is now: code and data, symbols, lines, types, frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emulator import catalog
from emulator.core.release import VARIABLES
from emulator.core.returns import RETURN_TO_HANDLER
from emulator.debuginfo import entries, frames, lines
from emulator.debuginfo.encode import Encoder
from emulator.debuginfo.entries import At, Entry, Form, Tag
from emulator.debuginfo.types import Types
from emulator.description import Gdb
from emulator.elf import layout, writer
from emulator.elf.writer import Machine, OutSection, OutSymbol
from emulator.errors import UsageError
from emulator.lab import Lab
from emulator.machine.memory import Region
from emulator.symbols import Function
from emulator.unwind import Rule, Unwinding

ASSEMBLER = 0x8001
"""DW_LANG_Mips_Assembler: any assembler, as GNU as says it; a debugger takes a function's first byte for its start."""
C99 = 0x0C
"""DW_LANG_C99."""
PRODUCER = "mcount-emulator"
OP_ADDR = 0x03
NOWHERE = Rule(0, {}, frozenset())


def elf(lab: Lab, unwinding: Unwinding) -> bytes:
    """The file. Raises UsageError where the architecture does not say how gdb sees it."""
    return _Kernel(lab, unwinding).file()


class _Kernel:
    def __init__(self, lab: Lab, unwinding: Unwinding) -> None:
        if lab.arch.gdb is None:
            raise UsageError(f"{lab.arch.name}: its declaration does not say how gdb sees it")
        self._lab, self._unwinding, self._gdb = lab, unwinding, lab.arch.gdb
        self._arch, self._image, self._symbols = lab.arch, lab.image, lab.image.symbols
        self._encoder = Encoder(lab.arch.word, big_endian=lab.arch.big_endian)
        self._copies = [copy for copy in self._symbols.copies if any(self._bytes(copy.function))]

    def file(self) -> bytes:
        engine = self._arch.engine
        machine = Machine(engine.elf_machine, self._arch.word, self._arch.big_endian, engine.elf_flags)
        debug = {
            **entries.encode([self._code(), self._data()], self._encoder),
            ".debug_line": lines.encode(self._rows(), self._encoder),
        }
        debug[".debug_ranges"] = self._ranges()
        debug[".debug_frame"] = frames.encode(self._places(), _numbers(self._gdb, self._lab), self._encoder)
        sections = [*self._loaded(), *(OutSection(name, data) for name, data in debug.items())]
        return writer.write(machine, self._image.exit, sections, [*self._named(), *self._marks()])

    def _bytes(self, function: Function) -> bytes:
        return self._image.memory.read(function.address, function.end - function.address)

    # -- what is loaded -----------------------------------------------------------------------------------------------

    def _loaded(self) -> Iterator[OutSection]:
        for region in self._image.memory.regions:
            data = self._content(region)
            if not region.scratch and data:
                yield OutSection(
                    f".{region.name.replace(' ', '.')}", data, region.base, region.writable, region.executable
                )

    def _content(self, region: Region) -> bytes:
        """What is in use of it; behind the last name of the module area there is nothing."""
        ends = [function.end for function in self._symbols.functions if region.base <= function.address < region.end]
        return region.data[: max(ends, default=region.base) - region.base] if region.executable else region.data[:]

    def _named(self) -> Iterator[OutSymbol]:
        functions = {function.name: function for function in self._symbols.functions}
        for name in self._symbols:
            address, function = self._symbols.address(name), functions.get(name)
            if function and function.address == address:
                yield OutSymbol(name, address, function.end - address, layout.STT_FUNC)
            elif address in self._symbols.data:
                yield OutSymbol(name, address, self._size(name), layout.STT_OBJECT)
            else:
                yield OutSymbol(name, address)

    def _size(self, name: str) -> int:
        if VARIABLES.get(name) == "int":
            return 4
        return self._arch.word if name in VARIABLES else self._lab.patcher.ops_layout.size

    def _marks(self) -> Iterator[OutSymbol]:
        """Mapping symbols, where the architecture has them: code and data begin here."""
        marks = {code: name for name, code in self._arch.engine.elf_marks.items()}
        if not marks:
            return
        for region in self._image.code:
            yield OutSymbol(marks[True], region.base, binding=layout.STB_LOCAL)
        placed = self._image.placement
        last = True
        for at in (*placed.trampolines.lines, *placed.kernel.lines):
            if at.line.instruction != last:
                last = at.line.instruction
                yield OutSymbol(marks[last], at.address, binding=layout.STB_LOCAL)

    # -- entries ------------------------------------------------------------------------------------------------------

    def _code(self) -> Entry:
        root = _unit(ASSEMBLER, source(self._image.placement.trampolines.name))
        root.add(At.COMP_DIR, Form.STRING, str(home())).add(At.STMT_LIST, Form.SEC_OFFSET)
        root.add(At.RANGES, Form.SEC_OFFSET).add(At.LOW_PC, Form.ADDR)
        for function in self._symbols.functions:
            entry = root.child(Entry(Tag.SUBPROGRAM).named(function.name).add(At.EXTERNAL, Form.FLAG_PRESENT))
            entry.add(At.LOW_PC, Form.ADDR, function.address)
            entry.add(At.HIGH_PC, Form.UDATA, function.end - function.address)
        return root

    def _data(self) -> Entry:
        """In a unit of its own: gdb 18 knows no `struct NAME` in one of an assembler's."""
        root = _unit(C99, PRODUCER)
        types = Types(root, self._lab)
        for address, name in self._symbols.data.items():
            kind = types.variable(name) if name in VARIABLES else types.ops
            entry = root.child(Entry(Tag.VARIABLE).named(name).typed(kind).add(At.EXTERNAL, Form.FLAG_PRESENT))
            entry.add(At.LOCATION, Form.EXPRLOC, bytes([OP_ADDR]) + self._encoder.word(address))
        return root

    def _ranges(self) -> bytes:
        """All code; offsets are from the unit's base, which is 0."""
        spans = [(region.base, region.base + len(self._content(region))) for region in self._image.code]
        return b"".join(self._encoder.word(value) for span in (*spans, (0, 0)) for value in span)

    # -- lines and frames ---------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[lines.Row]:
        placed = self._image.placement
        for at in (*placed.trampolines.lines, *placed.kernel.lines):
            place = at.line.place
            if place.line:
                row = lines.Row(at.address, at.address + at.line.size, source(place.file), place.line)
                yield row
                for address in self._again(row.address):
                    yield row._replace(address=address, end=address + at.line.size)

    def _again(self, address: int) -> Iterator[int]:
        """Where else the code at an address is: in private copies."""
        for copy in self._copies:
            offset = address - copy.original
            if 0 <= offset < copy.function.end - copy.function.address:
                yield copy.function.address + offset

    def _places(self) -> Iterator[frames.Place]:
        placed = self._image.placement
        for at in (*placed.trampolines.lines, *placed.kernel.lines):
            rule = self._unwinding.rule(at.address)
            if rule and at.line.instruction:
                for address in (at.address, *self._again(at.address)):
                    place = frames.Place(address, address + at.line.size, rule, self._unwinding.outermost(at.address))
                    yield from self._around_call(place) if at.address in self._unwinding.calls else self._before(place)
        yield from self._entries()

    def _before(self, place: frames.Place) -> Iterator[frames.Place]:
        """Debuggers look for a caller in the byte before its next instruction: before return_to_handler is nobody's."""
        handler = self._symbols.get(RETURN_TO_HANDLER)
        if place.end != handler or place.address == handler - 1:
            yield place
            return
        yield place._replace(end=handler - 1)
        yield frames.Place(handler - 1, handler, NOWHERE, outermost=True)

    def _around_call(self, place: frames.Place) -> Iterator[frames.Place]:
        """A link register has been lost behind its first byte, where debuggers look for whoever has made a call.

        Whether another one still holds what it held is for the rules of the function that was called.
        """
        rule, link = place.rule, self._arch.abi.link
        yield place._replace(end=place.address + 1)
        lost = {link} if link and link not in rule.saved else set()
        yield place._replace(address=place.address + 1, rule=rule._replace(lost=rule.lost | lost))

    def _entries(self) -> Iterator[frames.Place]:
        """C functions are nothing but a return, and all is as at their entry; nobody is behind the exit."""
        abi, word = self._arch.abi, self._arch.word
        entered = Rule(0, {}, frozenset()) if abi.link else Rule(word, {abi.pc: -word}, frozenset())
        for function in self._symbols.functions:
            if self._image.is_gate(function.address):
                yield frames.Place(function.address, function.end, entered)
        exit_ = self._image.exit  # and the byte before it, by which debuggers find the frame of a caller
        yield frames.Place(exit_ - 1, exit_ + 1, NOWHERE, outermost=True)


def _unit(language: int, name: str) -> Entry:
    root = Entry(Tag.COMPILE_UNIT).add(At.PRODUCER, Form.STRING, PRODUCER)
    return root.add(At.LANGUAGE, Form.DATA2, language).named(name)


def _numbers(gdb: Gdb, lab: Lab) -> frames.Numbers:
    registers = {
        name: number for number, name in enumerate(gdb.dwarf) if name not in (lab.arch.abi.sp, lab.arch.abi.flags)
    }
    abi = lab.arch.abi
    returns = abi.link or abi.pc
    if abi.link:
        registers.pop(abi.pc, None)
    return frames.Numbers(registers, gdb.dwarf.index(abi.sp), returns)


def home() -> Path:
    """The folder that names of our own sources begin at."""
    return catalog.folder("trampolines").parent


def source(name: str) -> str:
    """The file that a line's place names: one of ours, from home() on, or a user's from where the command runs."""
    path = home() / name  # what is absolute stays as it is
    if path.is_relative_to(home() / "trampolines") and path.is_file():
        return str(path.relative_to(home()))
    return str(Path(name).absolute())

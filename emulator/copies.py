# SPDX-License-Identifier: GPL-2.0-only
"""Private copies of trampolines: what create_trampoline() of arch/*/kernel/ftrace.c makes for an ops of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.assembly import fixups
from emulator.assembly.decode import Instruction, disassemble
from emulator.assembly.link import PlacedFixup, PlacedLine
from emulator.description import Branch, Copying, Entry
from emulator.errors import InputError
from emulator.image import Image


class Original:
    """The code of an entry, from its symbol to its end, and what a copy of it needs to have changed.

    Raises InputError, with the place, for code that cannot be copied.
    """

    def __init__(self, image: Image, entry: Entry, copying: Copying) -> None:
        self._image, self._copying, self._entry = image, copying, entry
        self.start = image.label(entry.symbol)
        self.end = image.label(entry.end or entry.symbol)
        if len(image.trampolines.bytes_at(self.start, self.end - self.start)) != self.end - self.start:
            raise InputError(f"{entry.end} must follow {entry.symbol} in the same section")
        self.call = self._offset(entry.call)
        self._op_load = self._opcode(entry.op_load, copying.op_load, "load of function_trace_op")
        self._jump = self._opcode(entry.direct_jump, copying.jump, "jump")
        self._fixups = tuple(self._leaving())
        self._check_leaving()

    @property
    def size(self) -> int:
        """Bytes of a whole copy: the code, the ending, and the pointer to the ops."""
        return self._slot + self._image.word

    @property
    def _slot(self) -> int:
        return self.end - self.start + self._copying.ending_size

    def copy(self, address: int, ops: int) -> bytes:
        """The bytes of a copy at `address` for the ops at `ops`. Its call still goes where the original's would."""
        code = bytearray(self._image.memory.read(self.start, self.end - self.start))
        for fixup in self._fixups:
            at = fixup.address - self.start
            fixups.apply(fixup.kind, code, at, symbol=fixup.value, addend=fixup.addend, place=address + at)
        if self._jump is not None:  # a copy never makes a direct call
            code[self._jump : self._jump + len(self._copying.no_jump)] = self._copying.no_jump
        if self._op_load is not None:
            load = self._own_load(address)
            code[self._op_load : self._op_load + len(load)] = load
        ending = self._copying.ending[: self._copying.ending_size]
        pointer = ops.to_bytes(self._image.word, "big" if self._image.arch.big_endian else "little")
        return bytes(code) + ending + pointer

    def _own_load(self, address: int) -> bytes:
        """The load of function_trace_op, as one of the pointer behind the code."""
        opcode = self._copying.op_load
        load = Branch(opcode + bytes(4), self._copying.op_fixup, at=len(opcode), addend=-4)
        return fixups.encode_branch(load, address + (self._op_load or 0), address + self._slot)

    # -- what can be copied -------------------------------------------------------------------------------------------

    def _offset(self, label: str) -> int:
        offset = self._image.label(label) - self.start
        if not 0 <= offset < self.end - self.start:
            raise InputError(f"{label} must lie between {self._entry.symbol} and {self._entry.end}")
        return offset

    def _opcode(self, label: str | None, opcode: bytes, meaning: str) -> int | None:
        """The offset of a label, None without one. Raises InputError where another instruction stands there."""
        if label is None:
            return None
        offset = self._offset(label)
        found = self._image.memory.read(self.start + offset, len(opcode))
        if found != opcode:
            where = self._image.symbols.where(self.start + offset)
            raise InputError(f"{where}: no {meaning} at {label}: expected {opcode.hex(' ')}, found {found.hex(' ')}")
        return offset

    def _leaving(self) -> Iterator[PlacedFixup]:
        """Fields that reach out of the code, but for the jump that a copy has not."""
        for fixup in self._image.trampolines.fixups_between(self.start, self.end):
            if not self.start <= self._target(fixup) < self.end and not self._replaced(fixup.address):
                yield fixup

    def _target(self, fixup: PlacedFixup) -> int:
        """Where a field leads: a branch to a numeric label has its section for a symbol, so that decoding tells."""
        known = self._image.trampolines
        at = next(line for line in reversed(known.lines) if line.address <= fixup.address)
        code = self._image.memory.read(at.address, at.line.size)
        targets = [found.target for found in disassemble(self._image.arch.engine, code, at.address)]
        return next((target for target in targets if target is not None), fixup.value)

    def _replaced(self, address: int) -> bool:
        """Whether a copy has other bytes there anyway."""
        offset = address - self.start
        parts = (
            (self.call, len(self._image.variant.site.call.opcode)),
            (self._jump, len(self._copying.no_jump)),
        )
        return any(at is not None and at <= offset < at + size for at, size in parts)

    def _check_leaving(self) -> None:
        """An assembler may have resolved what is relative to pc within a section; such a field would go wrong."""
        known = self._image.trampolines
        for at in known.lines:
            end = at.address + at.line.size
            if not at.line.instruction or not self.start <= at.address < self.end or self._replaced(at.address):
                continue
            if not known.fixups_between(at.address, end):
                self._check_instructions(at)

    def _check_instructions(self, at: PlacedLine) -> None:
        code = self._image.memory.read(at.address, at.line.size)
        for found in disassemble(self._image.arch.engine, code, at.address):
            if self._reaches_out(found):
                where = self._image.symbols.where(at.address)
                raise InputError(f"{where}: {found} leaves what is copied for each ops, and would go wrong in a copy")

    def _reaches_out(self, found: Instruction) -> bool:
        if found.target is not None:
            return not self.start <= found.target <= self.end
        return re.search(rf"\b{self._image.arch.abi.pc}\b", found.operands) is not None

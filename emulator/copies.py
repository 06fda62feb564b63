# SPDX-License-Identifier: GPL-2.0-only
"""Private copies of trampolines: what create_trampoline() of arch/*/kernel/ftrace.c makes for an ops of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from emulator.assembly import fixups
from emulator.assembly.decode import Instruction, disassemble
from emulator.assembly.link import PlacedFixup
from emulator.description import Copying, Entry
from emulator.errors import InputError
from emulator.placement import Placement


class Original:
    """The code of an entry, from its symbol to its end, and what a copy of it needs to have changed.

    Raises InputError, with the place, for code that cannot be copied.
    """

    def __init__(self, placed: Placement, entry: Entry, copying: Copying) -> None:
        self._placed, self._arch = placed, placed.arch
        self._entry, self._copying = entry, copying
        self.start = placed.label(entry.symbol)
        self.end = placed.label(entry.end or entry.symbol)
        self._code = placed.trampolines.bytes_at(self.start, self.end - self.start)
        if len(self._code) != self.end - self.start:
            raise InputError(f"{entry.end} must follow {entry.symbol} in the same section")
        self.call = self._offset(entry.call or entry.symbol)
        self._op_load = self._opcode(
            entry.op_load, copying.op_load.opcode[: copying.op_load.at], "load of function_trace_op"
        )
        self._jump = self._opcode(entry.direct_jump, copying.jump, "jump")
        self._fixups = tuple(self._leaving())

    @property
    def size(self) -> int:
        """Bytes of a whole copy: the code, the ending, and the pointer to the ops."""
        return self._slot + self._arch.word

    @property
    def _slot(self) -> int:
        return len(self._code) + self._copying.ending_size

    def copy(self, address: int, ops: int) -> bytes:
        """The bytes of a copy at `address` for the ops at `ops`. Its call is yet to be pointed to somebody."""
        code = bytearray(self._code)
        for fixup in self._fixups:
            at = fixup.address - self.start
            fixups.apply(fixup.kind, code, at, symbol=fixup.value, addend=fixup.addend, place=address + at)
        if self._jump is not None:  # a copy never makes a direct call
            code[self._jump : self._jump + len(self._copying.no_jump)] = self._copying.no_jump
        if self._op_load is not None:
            load = fixups.encode_branch(self._copying.op_load, address + self._op_load, address + self._slot)
            code[self._op_load : self._op_load + len(load)] = load
        ending = self._copying.ending[: self._copying.ending_size]
        pointer = ops.to_bytes(self._arch.word, self._arch.order)
        return bytes(code) + ending + pointer

    # -- what can be copied -------------------------------------------------------------------------------------------

    def _offset(self, label: str) -> int:
        offset = self._placed.label(label) - self.start
        if not 0 <= offset < len(self._code):
            raise InputError(f"{label} must lie between {self._entry.symbol} and {self._entry.end}")
        return offset

    def _opcode(self, label: str | None, opcode: bytes, meaning: str) -> int | None:
        """The offset of a label, None without one. Raises InputError where another instruction stands there."""
        if label is None:
            return None
        offset = self._offset(label)
        found = self._code[offset : offset + len(opcode)]
        if found != opcode:
            where = self._placed.symbols.where(self.start + offset)
            raise InputError(f"{where}: no {meaning} at {label}: expected {opcode.hex(' ')}, found {found.hex(' ')}")
        return offset

    def _leaving(self) -> Iterator[PlacedFixup]:
        """Fields that have to be filled anew in a copy, because they reach out of the code.

        Raises InputError where an assembler has resolved such a field within its section and left no fixup.
        """
        code = self._placed.trampolines
        for at in code.lines:
            if not self.start <= at.address < self.end or self._replaced(at.address):
                continue
            if not at.line.instruction:
                yield from code.fixups_between(at.address, at.address + at.line.size)
                continue
            for found in disassemble(self._arch.engine, code.bytes_at(at.address, at.line.size), at.address):
                filled = code.fixups_between(found.address, found.address + found.size)
                if not filled and self._reaches_out(found):
                    where = self._placed.symbols.where(found.address)
                    raise InputError(f"{where}: {found} leaves what is copied for each ops, where it would go wrong")
                if found.target is None or self._reaches_out(found):
                    yield from filled

    def _replaced(self, address: int) -> bool:
        """Whether a copy has other bytes there anyway."""
        call, jump = len(self._placed.subject.variant.site.call.opcode), len(self._copying.no_jump)
        offset = address - self.start
        return any(at is not None and at <= offset < at + size for at, size in ((self.call, call), (self._jump, jump)))

    def _reaches_out(self, found: Instruction) -> bool:
        """Whether an instruction goes, or looks by way of pc, to somewhere outside the code."""
        if found.target is not None:
            return not self.start <= found.target <= self.end
        return re.search(rf"\b{self._arch.abi.pc}\b", found.operands) is not None


@lru_cache(maxsize=16)
def originals(placed: Placement) -> Mapping[str, Original]:
    """{symbol: code} of the entries that a subject's kernel makes copies of. Raises InputError, see Original."""
    variant = placed.subject.variant
    return {entry.symbol: Original(placed, entry, variant.copying) for entry in variant.entries if variant.copying}

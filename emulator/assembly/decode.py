# SPDX-License-Identifier: GPL-2.0-only
"""Bytes back into instructions, by capstone, and the proof that an assembler did what it was asked to."""

from __future__ import annotations

import enum
import functools
import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.assembly import fixups
from emulator.assembly.link import Placed, PlacedFixup, PlacedLine
from emulator.description import Engine
from emulator.errors import AssemblyError

LONGEST = 16
"""Bytes that hold any instruction of any architecture here."""
ADDRESS = re.compile(r"(?:^|[ #])(0x[0-9a-f]+|\d)$")
"""How the operands of a direct branch end; capstone writes numbers below ten without 0x."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One decoded instruction; `target` is where a direct branch or call goes."""

    address: int
    size: int
    data: bytes
    mnemonic: str
    operands: str
    target: int | None = None

    def __str__(self) -> str:
        return f"{self.mnemonic} {self.operands}".rstrip()


@functools.lru_cache(maxsize=1 << 13)
def disassemble(engine: Engine, data: bytes, address: int) -> tuple[Instruction, ...]:
    """The instructions that `data` holds at `address`, x86 in AT&T syntax, up to the first bytes that are none."""
    capstone, branch = _capstone(engine)
    found = []
    for at, size, mnemonic, operands in capstone.disasm_lite(data, address):  # a tenth of what disasm() takes
        code = data[at - address :][:size]
        last = ADDRESS.search(operands)
        leads = last and branch in next(capstone.disasm(code, at, 1)).groups
        found.append(Instruction(at, size, code, mnemonic, operands, int(last[1], 0) if last and leads else None))
    return tuple(found)


class Flow(enum.Enum):
    """Where an instruction may lead to, apart from the next one."""

    NONE = enum.auto()
    CALL = enum.auto()
    RETURN = enum.auto()
    JUMP = enum.auto()


@functools.lru_cache(maxsize=1 << 13)
def flow(engine: Engine, data: bytes) -> tuple[Flow, bool]:
    """What kind of branch an instruction is, and whether it goes to an address that it does not hold itself.

    capstone's groups say so: a return is what the architecture manual calls one, not a jump to the link register.
    """
    capstone, relative = _capstone(engine)
    found = next(capstone.disasm(data, 0, 1), None)
    if found is None:
        return Flow.NONE, False
    groups = importlib.import_module("capstone")
    kinds = ((groups.CS_GRP_RET, Flow.RETURN), (groups.CS_GRP_CALL, Flow.CALL), (groups.CS_GRP_JUMP, Flow.JUMP))
    kind = next((kind for group, kind in kinds if group in found.groups), Flow.NONE)
    return kind, kind in (Flow.CALL, Flow.JUMP) and relative not in found.groups


def detailed(engine: Engine, data: bytes) -> Any | None:
    """The first instruction that `data` holds, as capstone describes it; None where there is none."""
    return next(_capstone(engine)[0].disasm(data, 0, 1), None)


@functools.cache
def _capstone(engine: Engine) -> tuple[Any, int]:
    """The opened engine, and the number of capstone's group of instructions that jump to an address they hold."""
    capstone = importlib.import_module("capstone")
    arch, modes = engine.capstone
    mode = sum(getattr(capstone, f"CS_MODE_{name}") for name in modes)
    opened = capstone.Cs(getattr(capstone, f"CS_ARCH_{arch}"), mode)
    opened.detail = True
    if arch == "X86":
        opened.syntax = capstone.CS_OPT_SYNTAX_ATT
    return opened, capstone.CS_GRP_BRANCH_RELATIVE


def verify(placed: Placed, engine: Engine) -> None:
    """Decode every instruction of a piece again and compare its size, and a branch's target, with what was asked for.

    Raises AssemblyError with the line's place: for bytes that are no instruction, or not the one instruction that the
    line is, and for a branch that goes elsewhere than to the symbol it names.
    """
    for run in _runs(placed.lines):
        start, end = run[0].address, _end(run[-1])
        decoded = {found.address: found for found in disassemble(engine, placed.bytes_at(start, end - start), start)}
        for line in _joined(run, decoded):
            _check_size(line, decoded, placed)
            _check_target(line, decoded[line.address], placed, engine)


def _end(at: PlacedLine) -> int:
    return at.address + at.line.size


def _runs(lines: Sequence[PlacedLine]) -> Iterator[list[PlacedLine]]:
    """Instructions that follow each other in a section without a gap."""
    run: list[PlacedLine] = []
    for at in lines:
        if run and (not at.line.instruction or not _follows(run[-1], at)):
            yield run
            run = []
        if at.line.instruction:
            run.append(at)
    if run:
        yield run


def _follows(before: PlacedLine, at: PlacedLine) -> bool:
    return _end(before) == at.address and before.line.section == at.line.section


def _joined(run: Sequence[PlacedLine], decoded: dict[int, Instruction]) -> Iterator[PlacedLine]:
    """The lines but for prefixes that stand as a statement before their instruction, and but for that instruction."""
    prefixed = 0
    for at in run:
        found = decoded.get(at.address)
        if found and found.size > at.line.size == 1 and _begins(found.mnemonic, at.line.text.strip()):
            prefixed = at.address + found.size
        if at.address >= prefixed:
            yield at


def _begins(mnemonic: str, prefix: str) -> bool:
    """Whether capstone's mnemonic is another one with this prefix before it; it says repz for rep."""
    first, _, rest = mnemonic.partition(" ")
    return bool(rest) and first.startswith(prefix)


def _check_size(at: PlacedLine, decoded: dict[int, Instruction], placed: Placed) -> None:
    """The line's bytes are one whole instruction, or several where it has several statements."""
    address, end, count = at.address, _end(at), 0
    while address < end and address in decoded:
        address, count = address + decoded[address].size, count + 1
    if address == end and (count == 1 or ";" in at.line.text):
        return
    data = placed.bytes_at(at.address, at.line.size).hex(" ")
    first = decoded.get(at.address)
    raise _wrong(at, f"assembled to {data}, which is {first or 'no instruction'}")


def _check_target(at: PlacedLine, found: Instruction, placed: Placed, engine: Engine) -> None:
    if found.target is None:
        return
    filled = placed.fixups_between(at.address, _end(at))
    asked = _asked(at, found, filled, placed, engine)
    if asked is not None and asked != found.target:
        raise _wrong(at, f"assembled to a branch to {found.target:#x} instead of {asked:#x}")


def _asked(
    at: PlacedLine, found: Instruction, filled: Sequence[PlacedFixup], placed: Placed, engine: Engine
) -> int | None:
    """Where the source wants a branch to go: the symbol that ends its operands, otherwise what its fixup says."""
    operand = re.split(r"[\s,]+", at.line.text.strip())[-1]
    if operand in placed.symbols:
        return placed.symbols[operand]
    for fixup in filled:
        if fixup.symbol == operand:
            return fixup.value
    return _reach(found, filled[0], engine) if len(filled) == 1 else None


def _reach(found: Instruction, fixup: PlacedFixup, engine: Engine) -> int | None:
    """The target that a fixup's value means: that much beyond where the instruction goes with a field of zero."""
    code = bytearray(found.data)
    field = fixup.address
    fixups.apply(fixup.kind, code, field - found.address, symbol=field, addend=0, place=field)
    plain = disassemble(engine, bytes(code), found.address)[0].target
    if plain is None:
        return None
    return (plain + fixup.value + fixup.addend - field) % (1 << fixups.known(fixup.kind).wrap)


def _wrong(at: PlacedLine, message: str) -> AssemblyError:
    return AssemblyError(message, at.line.place, at.line.text, at.line.calls)

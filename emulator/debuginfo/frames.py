# SPDX-License-Identifier: GPL-2.0-only
"""Call frame information: .debug_frame (section 6.4), out of what recorded runs show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from emulator.debuginfo.encode import VERSION, Encoder, sleb, uleb
from emulator.unwind import Rule

ADVANCE_LOC4, UNDEFINED, SAME_VALUE, REGISTER, DEF_CFA = 0x04, 0x07, 0x08, 0x09, 0x0C
OFFSET_EXTENDED_SF, DEF_CFA_SF = 0x11, 0x12
CIE = 0xFFFFFFFF


class Place(NamedTuple):
    """The instruction [address, end) and its rule; its frame may be the outermost one."""

    address: int
    end: int
    rule: Rule
    outermost: bool = False


class Numbers(NamedTuple):
    """DWARF's numbers of registers by name; those of the stack pointer and of the column for the return address."""

    registers: dict[str, int]
    sp: int
    returns: str


def encode(places: Iterable[Place], numbers: Numbers, encoder: Encoder) -> bytes:
    """The section: an entry for every run of instructions whose rules are known."""
    header = encoder.number(CIE, 4) + bytes((VERSION, 0, encoder.size, 0)) + uleb(1) + sleb(1)
    header += uleb(numbers.registers[numbers.returns]) + bytes([DEF_CFA]) + uleb(numbers.sp) + uleb(0)
    found = _padded(header, encoder)
    for run in _runs(sorted(places)):
        first, end = run[0].address, run[-1].end
        body = encoder.number(0, 4) + encoder.word(first) + encoder.word(end - first) + _rows(run, numbers, encoder)
        found += _padded(body, encoder)
    return found


def _padded(body: bytes, encoder: Encoder) -> bytes:
    """Padded with DW_CFA_nop to whole addresses."""
    return encoder.unit(body + bytes(-(len(body) + 4) % encoder.size))


def _runs(places: Sequence[Place]) -> list[list[Place]]:
    runs: list[list[Place]] = []
    for place in places:
        if runs and runs[-1][-1].end == place.address:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _rows(run: Sequence[Place], numbers: Numbers, encoder: Encoder) -> bytes:
    """What changes from one instruction to the next."""
    found, known, address, cfa = b"", dict.fromkeys(numbers.registers, bytes([SAME_VALUE])), run[0].address, 0
    for place in run:
        changes = _cfa(place.rule.cfa, numbers) if place.rule.cfa != cfa else b""
        for name, number in numbers.registers.items():
            how = _how(place, name, numbers)
            if how != known[name]:
                changes += how[:1] + uleb(number) + how[1:]
                known[name] = how
        if changes and place.address != address:
            found += bytes([ADVANCE_LOC4]) + encoder.number(place.address - address, 4)
            address = place.address
        found, cfa = found + changes, place.rule.cfa
    return found


def _cfa(offset: int, numbers: Numbers) -> bytes:
    if offset < 0:
        return bytes([DEF_CFA_SF]) + uleb(numbers.sp) + sleb(offset)
    return bytes([DEF_CFA]) + uleb(numbers.sp) + uleb(offset)


def _how(place: Place, name: str, numbers: Numbers) -> bytes:
    """The opcode and the operand, without the register between them."""
    if name == numbers.returns and place.outermost:
        return bytes([UNDEFINED])
    if name in place.rule.saved:
        return bytes([OFFSET_EXTENDED_SF]) + sleb(place.rule.saved[name])
    if name in place.rule.lost:
        back = numbers.registers.get(place.rule.back or "") if name == numbers.returns else None
        return bytes([UNDEFINED]) if back is None else bytes([REGISTER]) + uleb(back)
    return bytes([SAME_VALUE])

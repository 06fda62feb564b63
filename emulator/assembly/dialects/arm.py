# SPDX-License-Identifier: GPL-2.0-only
"""32-bit ARM, ARM state, unified syntax, with the choices of GNU as where an instruction has more than one encoding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from emulator.assembly.arguments import split_operands
from emulator.assembly.dialects import Draft, Encoding, Field, Reader, Slot
from emulator.assembly.expressions import Node, Number
from emulator.assembly.grammar import parse, parse_prefix

CONDITIONS = {
    name: code
    for code, names in enumerate("eq ne cs/hs cc/lo mi pl vs vc hi ls ge lt gt le al".split())
    for name in names.split("/")
}
_CONDITION = "|".join(CONDITIONS)
_BRANCH = re.compile(rf"(bl|b)({_CONDITION})?")
_ADR = re.compile(rf"adr({_CONDITION})?")
_LOAD = re.compile(rf"(?:ldr|str)(b|h|d|sb|sh)?(?:{_CONDITION})?")
_LDR = re.compile(rf"ldr(?:sh|sb|h|b)?({_CONDITION})?")
_REGISTER = re.compile(r"r\d+|[av][1-8]|wr|sb|sl|fp|ip|sp|lr|pc", re.IGNORECASE)
_AHEAD = 8
"""pc reads as the instruction's address plus this."""

ADR, LOAD, SHORT_LOAD = "R_ARM_ALU_PC_G0", "R_ARM_LDR_PC_G0", "R_ARM_LDRS_PC_G0"
LOW, HIGH = "R_ARM_MOVW_ABS_NC", "R_ARM_MOVT_ABS"
_ADDEND = dict.fromkeys((ADR, LOAD, SHORT_LOAD), -_AHEAD)


class Arm:
    """The dialect; see dialects.Dialect."""

    comment = "@"
    symbol_characters = "[]{}"
    data: Mapping[str, int] = {".word": 4, ".inst": 4}
    kinds: Mapping[int, str] = {4: "R_ARM_ABS32"}
    relative: Mapping[str, str] = {"R_ARM_ABS32": "R_ARM_REL32"}
    align_is_power = True
    no_operation: int | None = None
    code_alignment = 4
    end_alignment = 4
    ignored = frozenset(
        """.arch_extension .arm .cantunwind .eabi_attribute .fnend .fnstart .fpu .handlerdata .movsp .object_arch .pad
        .personality .save .setfp .syntax""".split()
    )
    refused: Mapping[str, str] = {
        ".thumb": "Thumb code is not supported",
        ".thumb_func": "Thumb code is not supported",
    }

    def padding(self, size: int) -> bytes:
        """Zeros up to a whole number of words, then NOPs."""
        return bytes(size % 4) + bytes.fromhex("00f020e3") * (size // 4)

    def instruction(self, mnemonic: str, operands: str, reader: Reader) -> Draft | Encoding:
        """Branches and what addresses relative to pc are made here, the rest is for the encoder. Raises ValueError."""
        if branch := _BRANCH.fullmatch(mnemonic):
            return _branch(branch, reader.bind(parse(operands.removeprefix("#"))))
        parts = split_operands(operands)
        if mnemonic.startswith("blx") and not _REGISTER.fullmatch(reader.alias(operands)):
            raise ValueError("blx to a label goes to Thumb code, which is not supported")
        if (adr := _ADR.fullmatch(mnemonic)) and len(parts) == 2:
            slot = Slot(ADR, reader.bind(parse(parts[1])))
            return Draft(f"add{adr[1] or ''} {reader.alias(parts[0])}, pc, #0x0", (slot,))
        load = _LOAD.fullmatch(mnemonic)
        if load and not any(part.startswith(("[", "#")) for part in parts[1:]):
            return _load(mnemonic, LOAD if load[1] in (None, "b") else SHORT_LOAD, parts, reader)
        return draft(mnemonic, operands, reader)

    def complete(self, draft: Draft, code: bytes) -> Encoding:
        """Every field is part of the one word."""
        return Encoding(code, tuple(Field(slot.role, 0, slot.node, _ADDEND.get(slot.role, 0)) for slot in draft.slots))


def _branch(match: re.Match[str], node: Node) -> Encoding:
    link, condition = match[1] == "bl", CONDITIONS[match[2] or "al"]
    kind = "R_ARM_CALL" if link and condition == CONDITIONS["al"] else "R_ARM_JUMP24"
    word = condition << 28 | (0x0B000000 if link else 0x0A000000)
    return Encoding(word.to_bytes(4, "little"), (Field(kind, 0, node, -_AHEAD),))


# -- loads -------------------------------------------------------------------------------------------------------------


def _load(mnemonic: str, kind: str, parts: list[str], reader: Reader) -> Draft:
    """From a label, or by `=` of any value."""
    *registers, last = parts
    registers = [reader.alias(register) for register in registers]
    if last.startswith("="):
        node = reader.bind(parse(last[1:]))
        if move := _move(mnemonic, registers, node):
            return move
        node, zero = reader.literal(node, 4), "-0x0"  # the sign that GNU as gives a distance of 0 to the pool
    else:
        node, zero = reader.bind(parse(last)), "0x0"
    return Draft(f"{mnemonic} {', '.join(registers)}, [pc, #{zero}]", (Slot(kind, node),))


def _move(mnemonic: str, registers: list[str], node: Node) -> Draft | None:
    """mov or mvn, if one of them can make the number."""
    load = _LDR.fullmatch(mnemonic)
    if load is None or not isinstance(node, Number) or len(registers) != 1:
        return None
    for move, number in (("mov", node.number), ("mvn", ~node.number)):
        if is_rotated_byte(number & 0xFFFFFFFF):
            return Draft(f"{move}{load[1] or ''} {registers[0]}, #{number & 0xFFFFFFFF:#x}")
    return None


def is_rotated_byte(number: int) -> bool:
    """Whether a 32-bit number is a byte rotated by an even number of bits."""
    return any((number << turn | number >> 32 - turn) & 0xFFFFFFFF < 256 for turn in range(0, 32, 2))


# -- everything else ---------------------------------------------------------------------------------------------------

_START = re.compile(r"#\s*:(lower|upper)16:|[#$]|\b(?=\d)")
"""What an expression in the operands begins with."""
_HALVES = {"lower": LOW, "upper": HIGH}
NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the operands: `text` to write, behind it an expression of which `kind` says what is wanted."""

    text: str
    kind: str = ""
    node: Node | None = None


@lru_cache(maxsize=8192)
def _parts(operands: str) -> tuple[Part, ...]:
    """The operands in pieces. Raises ValueError."""
    found: list[Part] = []
    position = 0
    while match := _START.search(operands, position):
        found += _words(operands[position : match.start()])
        node, position = parse_prefix(operands, match.end())
        found.append(Part("#" if match.group() else "", _HALVES.get(match[1], NUMBER), node))
    return (*found, *_words(operands[position:]))


def _words(text: str) -> list[Part]:
    return [Part(word) for word in re.split(r"(\W+)", text)]


def draft(mnemonic: str, operands: str, reader: Reader) -> Draft:
    """The text for the encoder; a symbol can only stand in the halves of movw and movt. Raises ValueError."""
    written: list[str] = []
    slots: list[Slot] = []
    for part in _parts(operands):
        if part.node is None:
            written.append(reader.alias(part.text))
            continue
        bound = reader.bind(part.node)
        if isinstance(bound, Number):
            written.append(part.text + hex(_half(part.kind, bound.number)))
        elif part.kind == NUMBER:
            raise ValueError("only a number that is known by now can stand here")
        else:
            written.append(part.text + "0x0")
            slots.append(Slot(part.kind, bound))
    return Draft(f"{mnemonic} {''.join(written)}".rstrip(), tuple(slots))


def _half(kind: str, number: int) -> int:
    return number if kind == NUMBER else number >> (16 if kind == HIGH else 0) & 0xFFFF


DIALECT = Arm()

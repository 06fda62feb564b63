# SPDX-License-Identifier: GPL-2.0-only
"""AArch64, as GNU as reads it. Arm Architecture Reference Manual for A-profile, chapter C6; hints are listed there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from emulator.assembly.arguments import split_operands
from emulator.assembly.dialects import Draft, Encoding, Field, Reader, Slot
from emulator.assembly.dialects.arm64_operands import Part, parts
from emulator.assembly.expressions import Node, Number
from emulator.assembly.grammar import parse

CALL, JUMP, CONDITIONAL, TEST = "R_AARCH64_CALL26", "R_AARCH64_JUMP26", "R_AARCH64_CONDBR19", "R_AARCH64_TSTBR14"
ADDRESS, PAGE, LITERAL = "R_AARCH64_ADR_PREL_LO21", "R_AARCH64_ADR_PREL_PG_HI21", "R_AARCH64_LD_PREL_LO19"

CONDITIONS = {
    name: code
    for code, names in enumerate("eq ne cs/hs cc/lo mi pl vs vc hi ls ge lt gt le al nv".split())
    for name in names.split("/")
}
_CONDITIONAL = re.compile(rf"b\.?({'|'.join(CONDITIONS)})")
_WORD = 4
_DOUBLE = 8
"""Bytes of an entry in the literal pool, which only x registers are loaded from."""

HINTS = {
    name: number
    for number, name in (
        *enumerate("nop yield wfe wfi sev sevl dgh xpaclri".split()),
        *zip((8, 10, 12, 14), "pacia1716 pacib1716 autia1716 autib1716".split(), strict=True),
        *enumerate("esb psb_csync tsb_csync".split(), 16),
        (20, "csdb"),
        *enumerate("paciaz paciasp pacibz pacibsp autiaz autiasp autibz autibsp".split(), 24),
    )
}
"""Instructions that are hints, by number: the encoder knows the oldest only."""
BTI = {"": 32, "c": 34, "j": 36, "jc": 38}
WHOLE = {"retaa": 0xD65F0BFF, "retab": 0xD65F0FFF, "sb": 0xD50330FF, "eretaa": 0xD69F0BFF, "eretab": 0xD69F0FFF}


class Arm64:
    """The dialect; see dialects.Dialect."""

    comment = ""
    symbol_characters = ""
    data: Mapping[str, int] = {".word": 4, ".xword": 8, ".dword": 8, ".inst": 4}
    kinds: Mapping[int, str] = {2: "R_AARCH64_ABS16", 4: "R_AARCH64_ABS32", 8: "R_AARCH64_ABS64"}
    relative: Mapping[str, str] = {f"R_AARCH64_ABS{bits}": f"R_AARCH64_PREL{bits}" for bits in (16, 32, 64)}
    align_is_power = True
    no_operation: int | None = None
    code_alignment = 4
    end_alignment = 1
    ignored = frozenset(".arch .arch_extension .cpu .variant_pcs".split())
    refused: Mapping[str, str] = {}

    def padding(self, size: int) -> bytes:
        """Zeros up to a whole number of words, then NOPs."""
        return bytes(size % _WORD) + _hint(HINTS["nop"]).code * (size // _WORD)

    def instruction(self, mnemonic: str, operands: str, reader: Reader) -> Draft | Encoding:
        """Branches, hints, and what addresses relative to pc are made here, the rest is for the encoder.

        Raises ValueError.
        """
        whole = _whole(mnemonic, operands)
        if whole is not None:
            return whole
        given = split_operands(operands)
        if condition := _CONDITIONAL.fullmatch(mnemonic):
            return _to(CONDITIONAL, 0x54000000 | CONDITIONS[condition[1]], given, reader)
        if make := _MADE.get(mnemonic):
            return make(mnemonic, given, reader)
        if mnemonic in _LITERALS and len(given) == 2 and not given[1].startswith("["):
            return _literal(mnemonic, given, reader)
        return _draft(mnemonic, operands, reader)

    def complete(self, draft: Draft, code: bytes) -> Encoding:
        """Every field is part of the one word."""
        return Encoding(code, tuple(Field(slot.role, 0, slot.node) for slot in draft.slots))


# -- made here ---------------------------------------------------------------------------------------------------------


def _encoding(word: int, *fields: Field) -> Encoding:
    return Encoding(word.to_bytes(_WORD, "little"), fields)


def _hint(number: int) -> Encoding:
    return _encoding(0xD503201F | number << 5)


def _whole(mnemonic: str, operands: str) -> Encoding | None:
    """An instruction that is all opcode."""
    if mnemonic == "bti" and operands.strip() in BTI:
        return _hint(BTI[operands.strip()])
    if operands:
        return None
    if mnemonic in WHOLE:
        return _encoding(WHOLE[mnemonic])
    return _hint(HINTS[mnemonic]) if mnemonic in HINTS else None


def _to(kind: str, word: int, given: list[str], reader: Reader) -> Encoding:
    """An instruction whose last operand is a place. Raises ValueError."""
    if not given:
        raise ValueError("expected a label")
    return _encoding(word, Field(kind, 0, reader.bind(parse(given[-1].removeprefix("#").removeprefix(":pg_hi21:")))))


def _count(given: list[str], count: int) -> None:
    if len(given) != count:
        raise ValueError(f"expected {count} operands, found {len(given)}")


def _branch(mnemonic: str, given: list[str], reader: Reader) -> Encoding:
    _count(given, 1)
    kind, word = (CALL, 0x94000000) if mnemonic == "bl" else (JUMP, 0x14000000)
    return _to(kind, word, given, reader)


def _compare_and_branch(mnemonic: str, given: list[str], reader: Reader) -> Encoding:
    _count(given, 2)
    number, wide = register(reader.alias(given[0]))
    return _to(CONDITIONAL, 0x34000000 | wide << 31 | (mnemonic == "cbnz") << 24 | number, given, reader)


def _test_and_branch(mnemonic: str, given: list[str], reader: Reader) -> Encoding:
    _count(given, 3)
    number, wide = register(reader.alias(given[0]))
    bit = _number(given[1], reader)
    if not 0 <= bit < (64 if wide else 32):
        raise ValueError(f"there is no bit {bit} in {given[0]}")
    word = 0x36000000 | bit >> 5 << 31 | (mnemonic == "tbnz") << 24 | bit % 32 << 19 | number
    return _to(TEST, word, given, reader)


def _address(mnemonic: str, given: list[str], reader: Reader) -> Encoding:
    _count(given, 2)
    number, wide = register(reader.alias(given[0]))
    if not wide:
        raise ValueError(f"{given[0]} cannot hold an address")
    kind, word = (PAGE, 0x90000000) if mnemonic == "adrp" else (ADDRESS, 0x10000000)
    return _to(kind, word | number, given, reader)


def _undefined(_mnemonic: str, given: list[str], reader: Reader) -> Encoding:
    _count(given, 1)
    number = _number(given[0], reader)
    if not 0 <= number < 1 << 16:
        raise ValueError(f"{number} does not fit into 16 bits")
    return _encoding(number)


_MADE: Mapping[str, Callable[[str, list[str], Reader], Encoding]] = {
    "b": _branch,
    "bl": _branch,
    "cbz": _compare_and_branch,
    "cbnz": _compare_and_branch,
    "tbz": _test_and_branch,
    "tbnz": _test_and_branch,
    "adr": _address,
    "adrp": _address,
    "udf": _undefined,
}

_LITERALS = {"ldr": (0x18000000, 0x58000000), "ldrsw": (None, 0x98000000)}
"""Loads relative to pc, of a w and of an x register."""


def _literal(mnemonic: str, given: list[str], reader: Reader) -> Encoding:
    """From a label, or by `=` of any value. Raises ValueError."""
    number, wide = register(reader.alias(given[0]))
    word = _LITERALS[mnemonic][wide]
    pooled = given[1].startswith("=")
    if word is None or (pooled and not (wide and mnemonic == "ldr")):
        raise ValueError(f"{mnemonic} of {given[0]} has no such form here")
    node = reader.bind(parse(given[1].removeprefix("=").removeprefix("#")))
    return _encoding(word | number, Field(LITERAL, 0, reader.literal(node, _DOUBLE) if pooled else node))


_REGISTER = re.compile(r"([xw])(\d|[12]\d|30)|([xw])zr|(fp)|(lr)", re.IGNORECASE)


def register(name: str) -> tuple[int, bool]:
    """Number of a general register, and whether it is an x register. Raises ValueError."""
    match = _REGISTER.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a general register")
    if match[4] or match[5]:
        return 29 if match[4] else 30, True
    return (int(match[2]) if match[2] else 31), (match[1] or match[3]).lower() == "x"


def _number(text: str, reader: Reader) -> int:
    return _known(reader.bind(parse(text.removeprefix("#"))))


def _known(node: Node) -> int:
    match node:
        case Number(number):
            return number
        case _:
            raise ValueError("only a number that is known by now can stand here")


# -- everything else ---------------------------------------------------------------------------------------------------


def _draft(mnemonic: str, operands: str, reader: Reader) -> Draft:
    """The text for the encoder, with a placeholder for a symbol that a relocation operator stands before."""
    written: list[str] = []
    slots: list[Slot] = []
    for part in parts(operands):
        if part.node is None:
            written.append(reader.alias(part.text))
            continue
        text, slot = _expression(mnemonic, operands, part, reader.bind(part.node))
        written.append(text)
        slots += [slot] if slot else []
    return Draft(f"{mnemonic} {''.join(written)}".rstrip(), tuple(slots))


def _expression(mnemonic: str, operands: str, part: Part, node: Node) -> tuple[str, Slot | None]:
    """How an expression is written, and what is to be filled in later. Raises ValueError."""
    if part.operator:
        group = re.match(r"abs_g([1-3])", part.operator)
        moved = f", lsl #{16 * int(group[1]):#x}" if group else ""
        return f"#0x0{moved}", Slot(_kind(mnemonic, operands, part.operator), node)
    return f"#{_known(node):#x}", None


@lru_cache(maxsize=64)
def _kind(mnemonic: str, operands: str, operator: str) -> str:
    """The relocation that an operator asks for. Raises ValueError."""
    if operator == "lo12":
        bits = _loaded(mnemonic, operands)
        return f"R_AARCH64_LDST{bits}_ABS_LO12_NC" if bits else "R_AARCH64_ADD_ABS_LO12_NC"
    group = re.fullmatch(r"abs_(g[0-3])(_nc|_s)?", operator)
    if group is None or (group[1] == "g3" and group[2]):
        raise ValueError(f":{operator}: is not known here")
    if group[2] == "_s":
        return f"R_AARCH64_MOVW_SABS_{group[1].upper()}"
    return f"R_AARCH64_MOVW_UABS_{group[1].upper()}{(group[2] or '').upper()}"


def _loaded(mnemonic: str, operands: str) -> int:
    """Bits that a load or a store moves; 0 for what is neither."""
    match = re.fullmatch(r"(?:ldr|str|ldur|stur)(s?[bh]|sw)?", mnemonic)
    if match is None:
        return 0
    if match[1]:
        return {"b": 8, "h": 16, "w": 32}[match[1][-1]]
    return {"b": 8, "h": 16, "w": 32, "s": 32, "q": 128}.get(operands.strip()[:1].lower(), 64)


DIALECT = Arm64()

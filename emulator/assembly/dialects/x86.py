# SPDX-License-Identifier: GPL-2.0-only
"""x86 in AT&T syntax, with the choices of GNU as where an instruction has more than one encoding; DIALECT is x86-64."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from emulator.assembly.dialects import Choice, Draft, Encoding, Field, Reader, Slot
from emulator.assembly.dialects.x86_modes import LONG, Mode, table
from emulator.assembly.dialects.x86_operands import (
    ADDRESS,
    DISPLACEMENT,
    PLACEHOLDERS,
    Absolute,
    Immediate,
    Memory,
    Operand,
    Register,
    operands,
    target,
)
from emulator.assembly.expressions import Node, Number

# -- registers ---------------------------------------------------------------------------------------------------------

_OLD = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")
WIDE = frozenset([f"r{name}" for name in _OLD] + [f"r{number}" for number in range(8, 16)])
"""The 64-bit general registers."""
NARROW = {f"r{name}": f"e{name}" for name in _OLD} | {name: f"e{name}" for name in _OLD}
NARROW |= {f"r{number}{suffix}": f"r{number}d" for number in range(8, 16) for suffix in ("", "w")}
"""The 32-bit name of a 64-bit or 16-bit register."""
SEGMENTS = frozenset({"cs", "ds", "es", "fs", "gs", "ss"})

# -- own encodings -----------------------------------------------------------------------------------------------------


PREFIXES = table("""cs=2e ss=36 ds=3e es=26 fs=64 gs=65 lock=f0 rep=f3 repe=f3 repz=f3 repne=f2 repnz=f2
    data16=66 addr32=67 notrack=3e bnd=f2""")
LEGACY = b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3"
FIXED = table("endbr64=f30f1efa endbr32=f30f1efb")

CONDITIONS = table("""o=00 no=01 b=02 c=02 nae=02 ae=03 nb=03 nc=03 e=04 z=04 ne=05 nz=05 be=06 na=06 a=07 nbe=07 s=08
    ns=09 p=0a pe=0a np=0b po=0b l=0c nge=0c ge=0d nl=0d le=0e ng=0e g=0f nle=0f""")
RELAXED = {"jmp": (b"\xeb", b"\xe9")} | {
    f"j{name}": (bytes([0x70 + code]), bytes([0x0F, 0x80 + code])) for name, (code,) in CONDITIONS.items()
}
"""Opcodes of the short and the long form."""
SHORT_ONLY = table("loopne=e0 loopnz=e0 loope=e1 loopz=e1 loop=e2")


def _branch(opcode: bytes, kind: str, size: int, node: Node) -> Encoding:
    return Encoding(opcode + bytes(size), (Field(kind, len(opcode), node, -size),))


class X86:
    """The dialect in one of its modes; see dialects.Dialect."""

    comment = "#"
    symbol_characters = "*%-([{}"
    data: Mapping[str, int] = {".word": 2, ".value": 2}
    align_is_power = False
    no_operation: int | None = 0x90
    code_alignment = 1
    end_alignment = 1

    def __init__(self, mode: Mode) -> None:
        self._mode, self.kinds, self.relative, self.ignored = mode, mode.kinds, mode.relative, mode.ignored
        self.refused = {
            ".intel_syntax": "Intel syntax is not supported",
            mode.other_code: mode.only,
            ".code16": mode.only,
        }
        self._prefixes, self._short_only = {**PREFIXES, **mode.prefixes}, {**SHORT_ONLY, **mode.short_only}

    def padding(self, size: int) -> bytes:
        """The longest NOPs first; a jump over them where there are too many."""
        nops = self._mode.nops
        longest, jump = nops[-1], b""
        if size // len(longest) > self._mode.most_nops:
            short = size - 2 < 0x80
            jump = bytes([0xEB, size - 2]) if short else b"\xe9" + (size - 5).to_bytes(4, "little")
        whole, rest = divmod(size - len(jump), len(longest))
        return jump + longest * whole + (nops[rest - 1] if rest else b"")

    def instruction(self, mnemonic: str, operands_text: str, reader: Reader) -> Draft | Encoding | Choice:
        """Branches and a few others are encoded here, the rest is for the encoder. Raises ValueError."""
        if mnemonic in self._prefixes:
            return self._prefixed(self._prefixes[mnemonic], operands_text, reader)
        if not operands_text.startswith("*") and (direct := self._direct(mnemonic, operands_text, reader)):
            return direct
        if mnemonic in FIXED and not operands_text:
            return Encoding(FIXED[mnemonic])
        parsed = operands(operands_text)
        match parsed:
            case (Immediate(value),) if mnemonic == "int" and reader.bind(value) == Number(3):
                return Encoding(b"\xcc")
            case (Immediate(value),) if mnemonic == "push":
                self._expect_pushable(reader.bind(value))
        return draft(mnemonic, parsed, reader, self._mode.bare)

    def _prefixed(self, prefix: bytes, rest: str, reader: Reader) -> Draft | Encoding | Choice:
        if not rest:
            return Encoding(prefix)
        mnemonic, _, operands_text = rest.partition(" ")
        inner = self.instruction(mnemonic.lower(), operands_text.strip(), reader)
        if isinstance(inner, Draft):
            return dataclasses.replace(inner, prefix=prefix + inner.prefix)
        if isinstance(inner, Choice):
            return Choice(_behind(prefix, inner.short), _behind(prefix, inner.long))
        return _behind(prefix, inner)

    def _direct(self, mnemonic: str, operand: str, reader: Reader) -> Encoding | Choice | None:
        """A branch to an expression."""
        mode, stem = self._mode, mnemonic.removesuffix(self._mode.suffix)
        if mnemonic not in (f"jmp{mode.suffix}", f"call{mode.suffix}"):
            stem = mnemonic
        if stem == "call":
            return _branch(b"\xe8", mode.near, 4, reader.bind(target(operand)))
        if stem in RELAXED:
            node, (short, long) = reader.bind(target(operand)), RELAXED[stem]
            return Choice(_branch(short, mode.short, 1, node), _branch(long, mode.near, 4, node))
        if stem in self._short_only:
            return _branch(self._short_only[stem], mode.short, 1, reader.bind(target(operand)))
        return None

    def complete(self, draft: Draft, code: bytes) -> Encoding:
        """Find each placeholder; what the field means depends on the opcode around it."""
        if draft.replace:
            code = code.replace(*draft.replace, 1)
        fields = tuple(self._field(slot, code, len(draft.prefix), draft.text) for slot in draft.slots)
        for slot in draft.slots:
            mark = PLACEHOLDERS[slot.role].to_bytes(8 if slot.role == ADDRESS else 4, "little")
            code = code.replace(mark, bytes(len(mark)))
        return Encoding(draft.prefix + code, fields)

    def _expect_pushable(self, value: Node) -> None:
        """What push cannot extend the encoder would cut to 16 bits. Raises ValueError."""
        low, high = self._mode.pushed
        match value:
            case Number(number) if not low <= number <= high and not low <= number - (1 << 64) < 0:
                raise ValueError(f"push takes 32 bits with a sign, not {number:#x}")

    # -- fields --------------------------------------------------------------------------------------------------------

    def _field(self, slot: Slot, code: bytes, before: int, text: str) -> Field:
        """The field that a slot has become in `code`, which has `before` bytes in front of it. Raises ValueError."""
        size = 8 if slot.role == ADDRESS else 4
        mark = PLACEHOLDERS[slot.role].to_bytes(size, "little")
        at = code.find(mark)
        if at < 0 or code.find(mark, at + 1) >= 0:
            raise ValueError("no room for a symbol in this instruction")
        if slot.role == DISPLACEMENT and "(%rip)" in text:
            return Field(self._mode.near, at + before, slot.node, at - len(code))
        return Field(self._kind(slot.role, code), at + before, slot.node, size=size)

    def _kind(self, role: str, code: bytes) -> str:
        if role == ADDRESS:
            return self._mode.kinds[8]
        return self._mode.extended if role == DISPLACEMENT or _extends(code) else self._mode.kinds[4]


def _extends(code: bytes) -> bool:
    """Whether the instruction extends its 32-bit immediate to 64 bits: REX.W, and push."""
    opcode = code.lstrip(LEGACY)
    return opcode[0] & 0xF8 == 0x48 or opcode[0] == 0x68


def _behind(prefix: bytes, encoding: Encoding) -> Encoding:
    moved = tuple(dataclasses.replace(field, offset=field.offset + len(prefix)) for field in encoding.fields)
    return Encoding(prefix + encoding.code, moved)


# -- drafts ------------------------------------------------------------------------------------------------------------


def draft(mnemonic: str, parsed: tuple[Operand, ...], reader: Reader, bare: str) -> Draft:
    """The text for the encoder, and slots for what is not a number yet. Raises ValueError."""
    spelling = _as_gnu(mnemonic, parsed)
    slots: dict[str, Slot] = {}

    def place(role: str, node: Node) -> str:
        bound = reader.bind(node)
        if isinstance(bound, Number):
            return hex(bound.number)
        if role in slots:
            raise ValueError(f"two operands whose {role} is a symbol")
        slots[role] = Slot(role, bound)
        return hex(PLACEHOLDERS[role])

    written = ", ".join([operand.write(place, bare) for operand in spelling.operands])
    text = f"{spelling.mnemonic} {written}" if written else spelling.mnemonic
    return Draft(text, tuple(slots.values()), spelling.prefix, spelling.replace)


@dataclass(frozen=True, slots=True)
class Spelling:
    """An instruction as the encoder shall read it; the rest as in Draft."""

    mnemonic: str
    operands: tuple[Operand, ...]
    prefix: bytes = b""
    replace: tuple[bytes, bytes] | None = None


_MOVES = ("mov", "movl", "movq", "movw")


@lru_cache(maxsize=8192)
def _as_gnu(mnemonic: str, parsed: tuple[Operand, ...]) -> Spelling:
    """Another spelling, where the encoder would choose other bytes than GNU as."""
    match parsed:
        case (Memory(),) if mnemonic in ("nopl", "nopw"):  # the encoder gives them the opcode of the prefetches
            prefix = b"\x66" if mnemonic == "nopw" else b""
            return Spelling("prefetchnta", parsed, prefix, (b"\x0f\x18", b"\x0f\x1f"))
        case (Register(name), other) if mnemonic in _MOVES and name in SEGMENTS:
            return _from_segment(mnemonic, parsed[0], other)
        case (other, Register(name)) if mnemonic in _MOVES and name in SEGMENTS:
            return _to_segment(other, parsed[1])
        case (Immediate(), Register(name)) if mnemonic == "mov" and name in WIDE:
            return Spelling("movq", parsed)
        case (Register("rax"), Register("rax")) if mnemonic in ("xchg", "xchgq"):
            return Spelling("nop", ())
    if mnemonic.startswith("movabs"):
        return Spelling(mnemonic, tuple(map(_wide, parsed)))
    return Spelling(mnemonic, parsed)


def _from_segment(mnemonic: str, segment: Operand, other: Operand) -> Spelling:
    """Into memory or a 16-bit register go 16 bits; a larger register is cleared above them, whatever its size."""
    match other:
        case Register(name) if name in WIDE:
            return Spelling("movl", (segment, Register(NARROW[name])))
        case Memory():
            return Spelling("mov", (segment, other))
    return Spelling(mnemonic, (segment, other))


def _to_segment(other: Operand, segment: Operand) -> Spelling:
    """Only 16 bits are read, so that no size needs a prefix."""
    if isinstance(other, Register):
        return Spelling("movl", (Register(NARROW.get(other.name, other.name)), segment))
    return Spelling("mov", (other, segment))


def _wide(operand: Operand) -> Operand:
    """An operand of movabs, which takes 64 bits."""
    match operand:
        case Immediate(value):
            return Absolute("$", value)
        case Memory("", segment, displacement, "") if displacement is not None:
            return Absolute(segment, displacement)
    return operand


DIALECT = X86(LONG)

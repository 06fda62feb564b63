# SPDX-License-Identifier: GPL-2.0-only
"""What the modes of x86 differ in, as far as an assembler goes: 64-bit code, and 32-bit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


def table(text: str) -> dict[str, bytes]:
    """{name: bytes} from "name=hexadecimal" words."""
    return {name: bytes.fromhex(code) for name, code in (entry.split("=") for entry in text.split())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One of them."""

    kinds: Mapping[int, str]
    """See dialects.Dialect."""
    relative: Mapping[str, str]
    extended: str
    """The fixup of a displacement, and of an immediate that is extended to the whole register."""
    near: str
    """The fixup of a branch of four bytes, and of an address relative to rip; `short` that of a branch of one byte."""
    short: str
    suffix: str
    """What may follow jmp and call."""
    prefixes: Mapping[str, bytes]
    """Those that the other mode has not; `short_only` are branches that differ."""
    short_only: Mapping[str, bytes]
    bare: str
    """What keeps the encoder from taking a bare address for something else."""
    pushed: tuple[int, int]
    """Smallest and largest number of four bytes that push takes."""
    nops: tuple[bytes, ...]
    """NOPs of one byte, of two, and so on."""
    most_nops: int
    """More of the longest NOP than these are jumped over."""
    ignored: frozenset[str]
    other_code: str
    """The directive of the other mode's code."""
    only: str


def _nops(text: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(code) for code in text.split())


LONG = Mode(
    kinds={1: "R_X86_64_8", 2: "R_X86_64_16", 4: "R_X86_64_32", 8: "R_X86_64_64"},
    relative={
        "R_X86_64_8": "R_X86_64_PC8",
        "R_X86_64_16": "R_X86_64_PC16",
        "R_X86_64_32": "R_X86_64_PC32",
        "R_X86_64_32S": "R_X86_64_PC32",
        "R_X86_64_64": "R_X86_64_PC64",
    },
    extended="R_X86_64_32S",
    near="R_X86_64_PC32",
    short="R_X86_64_PC8",
    suffix="q",
    prefixes=table("rex64=48 rex.w=48"),
    short_only=table("jrcxz=e3 jecxz=67e3"),
    bare="(,%riz,1)",  # it would make the address relative to rip
    pushed=(-(1 << 31), (1 << 31) - 1),
    nops=_nops(
        """90 6690 0f1f00 0f1f4000 0f1f440000 660f1f440000 0f1f8000000000 0f1f840000000000 660f1f840000000000
        662e0f1f840000000000 66662e0f1f840000000000"""
    ),
    most_nops=7,
    ignored=frozenset({".att_syntax", ".code64"}),
    other_code=".code32",
    only="only 64-bit code is supported",
)

PROTECTED = Mode(
    kinds={1: "R_386_8", 2: "R_386_16", 4: "R_386_32"},
    relative={"R_386_8": "R_386_PC8", "R_386_16": "R_386_PC16", "R_386_32": "R_386_PC32"},
    extended="R_386_32",
    near="R_386_PC32",
    short="R_386_PC8",
    suffix="l",
    prefixes={},
    short_only=table("jecxz=e3 jcxz=67e3"),
    bare="",
    pushed=(-(1 << 31), (1 << 32) - 1),
    nops=_nops("90 6690 8d7600 8d742600 8d74260090 8db600000000 8db42600000000"),
    most_nops=2,
    ignored=frozenset({".att_syntax", ".code32"}),
    other_code=".code64",
    only="only 32-bit code is supported",
)

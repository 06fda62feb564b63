# SPDX-License-Identifier: GPL-2.0-only
"""What stands in an ELF file, and where: System V ABI, chapters 4 and 5. Names are the specification's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MAGIC = b"\x7fELF"
EI_CLASS, EI_DATA, EI_NIDENT = 4, 5, 16
ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 0, 1, 2, 3, 4, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_COMPRESSED = 1, 2, 4, 1 << 11
SHN_UNDEF, SHN_ABS, SHN_COMMON, SHN_XINDEX = 0, 0xFFF1, 0xFFF2, 0xFFFF
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = 0, 1, 2, 3, 4
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
ELFCOMPRESS_ZLIB = 1


class Section(NamedTuple):
    """A section header; `number` is its index. `offset` and `size` are in bytes, and within the file but for
    SHT_NOBITS and SHT_NULL.
    """

    number: int
    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


class Segment(NamedTuple):
    """A program header."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    file_size: int
    memory_size: int
    align: int


class Symbol(NamedTuple):
    """A symbol table entry; `section` is st_shndx."""

    name: str
    value: int
    size: int
    info: int
    other: int
    section: int

    @property
    def type(self) -> int:
        """STT_*."""
        return self.info & 0xF

    @property
    def binding(self) -> int:
        """STB_*."""
        return self.info >> 4


class Relocation(NamedTuple):
    """An entry of a relocation section; the addend is None where it stands in the field itself (REL)."""

    offset: int
    type: int
    symbol: int
    addend: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """The struct formats of one ELF class, byte order left out; the two order some fields differently."""

    bits: int
    header: str
    """From e_type on."""
    section: str
    segment: str
    segment_fields: tuple[str, ...]
    symbol: str
    symbol_fields: tuple[str, ...]
    """`name` is an offset into the string table here."""
    rel: str
    rela: str
    type_bits: int
    """Bits of r_info that hold the relocation's type."""
    compression: str
    """Elf_Chdr: ch_type, ch_size."""


ELF32 = Layout(
    32,
    header="HHIIIIIHHHHHH",
    section="IIIIIIIIII",
    segment="IIIIIIII",
    segment_fields=("type", "offset", "address", "physical", "file_size", "memory_size", "flags", "align"),
    symbol="IIIBBH",
    symbol_fields=("name", "value", "size", "info", "other", "section"),
    rel="II",
    rela="IIi",
    type_bits=8,
    compression="II4x",
)
ELF64 = Layout(
    64,
    header="HHIQQQIHHHHHH",
    section="IIQQQQIIQQ",
    segment="IIQQQQQQ",
    segment_fields=("type", "flags", "offset", "address", "physical", "file_size", "memory_size", "align"),
    symbol="IBBHQQ",
    symbol_fields=("name", "info", "other", "section", "value", "size"),
    rel="QQ",
    rela="QQq",
    type_bits=32,
    compression="I4xQ8x",
)
CLASSES = {1: ELF32, 2: ELF64}
ORDERS = {1: "<", 2: ">"}

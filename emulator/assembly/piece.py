# SPDX-License-Identifier: GPL-2.0-only
"""What every assembler and loader returns: relocatable sections, symbols, source lines, and fields yet to be filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from emulator.description import Memory, Struct
from emulator.errors import Place


@dataclass(frozen=True, slots=True)
class Source:
    """A text to assemble: its name in messages, the symbols it is assembled with, where .include may look."""

    name: str
    text: str
    defines: Mapping[str, int] = field(default_factory=dict)
    includes: tuple[str, ...] = ()


class Section(NamedTuple):
    """Bytes with a name. `align` is in bytes, a power of two; `address` is where they have to stand, None anywhere."""

    name: str
    data: bytes
    align: int = 1
    executable: bool = False
    writable: bool = False
    address: int | None = None


class Symbol(NamedTuple):
    """A name for an offset into a section, or for a number where `section` is None. `binding`: local, global, weak."""

    name: str
    section: str | None
    value: int
    size: int = 0
    binding: str = "local"
    function: bool = False


class Line(NamedTuple):
    """The bytes [offset, offset + size) of a section come from `text`, which stands at `place`.

    For an instruction out of a macro `place` is the line inside the macro's body and `calls` are the invocations that
    led there, innermost first. `instruction` is False for data, padding and literal pools.
    """

    section: str
    offset: int
    size: int
    place: Place
    text: str
    calls: tuple[Place, ...] = ()
    instruction: bool = True


class Fixup(NamedTuple):
    """A field that depends on addresses: apply emulator.assembly.fixups function `kind` at section+offset.

    `kind` is the ELF relocation's name (R_X86_64_PC32, R_ARM_CALL, ...), `symbol` may be local, undefined, or the
    name of a section (meaning its start).
    """

    section: str
    offset: int
    kind: str
    symbol: str
    addend: int
    place: Place


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a piece that was taken out of a kernel's image."""

    memory: Memory
    """Addresses that this kernel leaves free, for what the laboratory adds."""
    known: Mapping[str, int]
    """The addresses of variables and C functions of this kernel."""
    ops: Struct | None = None
    """struct ftrace_ops as this kernel has it, where that is known."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One assembled or loaded file, not yet placed. Fixups stand for every symbolic field, same-section ones too."""

    name: str
    sections: Mapping[str, Section]
    symbols: Mapping[str, Symbol]
    lines: tuple[Line, ...]
    fixups: tuple[Fixup, ...]
    decoded: bool = False
    """Whether the lines' texts were made from the bytes, and say nothing that could be compared with these."""
    notes: tuple[str, ...] = ()
    """What a loader has left as it found it, a sentence each."""
    around: Surroundings | None = None
    """None: nothing, and it may be placed anywhere."""

    @property
    def undefined(self) -> tuple[str, ...]:
        """Symbols that fixups name and that neither this piece nor its sections define, in order of appearance."""
        known = self.symbols.keys() | self.sections.keys()
        return tuple(dict.fromkeys(fixup.symbol for fixup in self.fixups if fixup.symbol not in known))

# SPDX-License-Identifier: GPL-2.0-only
"""Assembler languages. Each is a module here that ends in DIALECT; to add one, add a file (Engine.dialect names it).

A dialect turns one instruction into a Draft: text for the encoder in which every number is hexadecimal and every
symbol a placeholder, and Slots that say what the placeholders stand for. Once the encoder has answered, the dialect
finds the placeholders in the bytes and turns them into Fields.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from emulator.assembly.expressions import Node


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an encoding that an expression fills, by the fixup `kind` (see emulator.assembly.fixups).

    `offset` and `size` in bytes; a size says that a plain number can be written there as it is, 0 that only the fixup
    knows how. `addend` is what the kind wants besides the expression, such as the distance from the field to the end of
    the instruction.
    """

    kind: str
    offset: int
    node: Node
    addend: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Encoding:
    """Bytes and the fields in them."""

    code: bytes
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """A symbolic operand; `role` is the dialect's own word for where it stands."""

    role: str
    node: Node


@dataclass(frozen=True, slots=True)
class Draft:
    """An instruction for the encoder, with `prefix` bytes of our own in front of what it gives."""

    text: str
    slots: tuple[Slot, ...] = ()
    prefix: bytes = b""
    replace: tuple[bytes, bytes] | None = None
    """An opcode that the encoder knows under another name: its bytes, and the right ones."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A branch with a short form, taken where it reaches, and a long one; both have one field, with the target."""

    short: Encoding
    long: Encoding


class Reader(Protocol):
    """What a dialect may ask for while it drafts. Both raise ValueError."""

    def bind(self, node: Node) -> Node:
        """The expression with the values that its names have at this point."""

    def literal(self, node: Node, size: int) -> Node:
        """The address of an entry in the literal pool that will hold the expression; all have one size, in bytes."""

    def alias(self, name: str) -> str:
        """The register that .req gave this name to, or the name."""


class Dialect(Protocol):
    """An assembler language, as far as GNU as leaves it to the architecture."""

    @property
    def comment(self) -> str:
        """The characters that begin a comment anywhere."""

    @property
    def symbol_characters(self) -> str:
        """What counts as part of a word beside letters, digits, `_`, `.` and `$` (tc_symbol_chars of GNU as)."""

    @property
    def data(self) -> Mapping[str, int]:
        """Data directives beyond those that all architectures share, with the size of an item in bytes."""

    @property
    def kinds(self) -> Mapping[int, str]:
        """The fixup that fills a whole item of so many bytes with an address."""

    @property
    def relative(self) -> Mapping[str, str]:
        """For a kind that gives an address, the kind that gives its distance from the field."""

    @property
    def align_is_power(self) -> bool:
        """Whether `.align 4` means 16 bytes rather than 4."""

    @property
    def no_operation(self) -> int | None:
        """The fill value that in code asks for padding all the same."""

    @property
    def code_alignment(self) -> int:
        """The alignment that an instruction gives its section, in bytes."""

    @property
    def end_alignment(self) -> int:
        """To how many bytes a code section is filled up at its end, if its own alignment is as large."""

    @property
    def ignored(self) -> frozenset[str]:
        """Directives without an effect on bytes and symbols."""

    @property
    def refused(self) -> Mapping[str, str]:
        """Directives that would change the language, and what to say about them."""

    def padding(self, size: int) -> bytes:
        """So many bytes of code that do nothing, the very ones of GNU as."""

    def instruction(self, mnemonic: str, operands: str, reader: Reader) -> Draft | Encoding | Choice:
        """The first half of an instruction. Raises ValueError."""

    def complete(self, draft: Draft, code: bytes) -> Encoding:
        """The second half, with the encoder's answer. Raises ValueError."""


def load(name: str) -> Dialect:
    """The dialect in the module `name`. Raises ModuleNotFoundError."""
    return cast("Dialect", importlib.import_module(f"{__name__}.{name}").DIALECT)

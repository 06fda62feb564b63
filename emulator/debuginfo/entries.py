# SPDX-License-Identifier: GPL-2.0-only
"""Debugging information entries: .debug_info and .debug_abbrev (sections 2 and 7.5)."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from emulator.debuginfo.encode import VERSION, Encoder, text, uleb


class Tag(enum.IntEnum):
    """Section 7.5.3."""

    ARRAY_TYPE = 0x01
    MEMBER = 0x0D
    POINTER_TYPE = 0x0F
    COMPILE_UNIT = 0x11
    STRUCTURE_TYPE = 0x13
    SUBROUTINE_TYPE = 0x15
    TYPEDEF = 0x16
    SUBRANGE_TYPE = 0x21
    BASE_TYPE = 0x24
    SUBPROGRAM = 0x2E
    VARIABLE = 0x34


class At(enum.IntEnum):
    """Section 7.5.4."""

    LOCATION = 0x02
    NAME = 0x03
    BYTE_SIZE = 0x0B
    STMT_LIST = 0x10
    LOW_PC = 0x11
    HIGH_PC = 0x12
    LANGUAGE = 0x13
    COMP_DIR = 0x1B
    PRODUCER = 0x25
    UPPER_BOUND = 0x2F
    PROTOTYPED = 0x27
    DATA_MEMBER_LOCATION = 0x38
    ENCODING = 0x3E
    EXTERNAL = 0x3F
    TYPE = 0x49
    RANGES = 0x55


class Form(enum.IntEnum):
    """Section 7.5.4."""

    ADDR = 0x01
    DATA2 = 0x05
    STRING = 0x08
    UDATA = 0x0F
    REF4 = 0x13
    SEC_OFFSET = 0x17
    EXPRLOC = 0x18
    FLAG_PRESENT = 0x19


class Attribute(NamedTuple):
    """One attribute; a REF4's value is the entry that it refers to."""

    name: At
    form: Form
    value: int | str | bytes | Entry


@dataclass(eq=False)
class Entry:
    """An entry with its children. Use the methods to give it attributes, in the order in which they are written."""

    tag: Tag
    attributes: list[Attribute] = field(default_factory=list)
    children: list[Entry] = field(default_factory=list)

    def add(self, name: At, form: Form, value: int | str | bytes | Entry = 0) -> Entry:
        """Give it an attribute; itself."""
        self.attributes.append(Attribute(name, form, value))
        return self

    def named(self, name: str) -> Entry:
        """Give it a name; itself."""
        return self.add(At.NAME, Form.STRING, name)

    def typed(self, kind: Entry | None) -> Entry:
        """Give it a type, unless that is void; itself."""
        return self.add(At.TYPE, Form.REF4, kind) if kind else self

    def child(self, entry: Entry) -> Entry:
        """Give it a child; the child."""
        self.children.append(entry)
        return entry


def encode(roots: Iterable[Entry], encoder: Encoder) -> dict[str, bytes]:
    """{section: bytes} of units, which share a table of abbreviations."""
    abbreviations: dict[bytes, int] = {}
    info = b"".join(_Unit(encoder, abbreviations).encode(root) for root in roots)
    table = b"".join(uleb(code) + shape for shape, code in abbreviations.items()) + b"\0"
    return {".debug_info": info, ".debug_abbrev": table}


class _Unit:
    """One unit as it grows; references are filled in when all entries have their places."""

    def __init__(self, encoder: Encoder, abbreviations: dict[bytes, int]) -> None:
        self._encoder, self._abbreviations = encoder, abbreviations
        self._places: dict[int, int] = {}
        self._references: list[tuple[int, Entry]] = []
        header = encoder.number(VERSION, 2) + encoder.number(0, 4) + encoder.number(encoder.size, 1)
        self._data = bytearray(4) + header

    def encode(self, root: Entry) -> bytes:
        self._put(root)
        for at, entry in self._references:
            self._data[at : at + 4] = self._encoder.number(self._places[id(entry)], 4)
        self._data[:4] = self._encoder.number(len(self._data) - 4, 4)
        return bytes(self._data)

    def _put(self, entry: Entry) -> None:
        self._places[id(entry)] = len(self._data)
        pairs = b"".join(uleb(attribute.name) + uleb(attribute.form) for attribute in entry.attributes)
        shape = uleb(entry.tag) + bytes([bool(entry.children)]) + pairs + b"\0\0"
        self._data += uleb(self._abbreviations.setdefault(shape, len(self._abbreviations) + 1))
        for attribute in entry.attributes:
            self._data += self._value(attribute)
        for child in entry.children:
            self._put(child)
        if entry.children:
            self._data.append(0)

    def _value(self, attribute: Attribute) -> bytes:
        match attribute.form, attribute.value:
            case Form.STRING, str(value):
                return text(value)
            case Form.EXPRLOC, bytes(value):
                return uleb(len(value)) + value
            case Form.REF4, Entry() as entry:
                self._references.append((len(self._data), entry))
                return bytes(4)
            case Form.FLAG_PRESENT, _:
                return b""
            case Form.UDATA, int(value):
                return uleb(value)
            case Form.ADDR, int(value):
                return self._encoder.word(value)
            case (Form.DATA2 | Form.SEC_OFFSET) as form, int(value):
                return self._encoder.number(value, 2 if form is Form.DATA2 else 4)
        raise TypeError(f"{attribute.value!r} has not the form {attribute.form.name}")

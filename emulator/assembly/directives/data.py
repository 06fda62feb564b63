# SPDX-License-Identifier: GPL-2.0-only
"""Directives that put bytes into a section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.assembly.arguments import between, split_operands, strings_bytes
from emulator.assembly.atoms import Data, Fill
from emulator.assembly.dialects import Encoding, Field
from emulator.assembly.expressions import Number, to_bytes

if TYPE_CHECKING:
    from emulator.assembly.reader import SourceReader

SIZES = {
    ".byte": 1,
    **dict.fromkeys((".2byte", ".hword", ".short"), 2),
    **dict.fromkeys((".4byte", ".int", ".long"), 4),
    **dict.fromkeys((".8byte", ".quad"), 8),
}
"""Directives for integers, with the size of each in bytes."""


def integers(reader: SourceReader, operands: str, size: int) -> None:
    """Integers of `size` bytes; `.` in an item is the address of that item."""
    code = b""
    fields: list[Field] = []
    for item in split_operands(operands):
        node = reader.expression(item)
        if reader.scope.here is not None:
            put(reader, code, fields)
            reader.mark_here()
            code, fields = b"", []
        if isinstance(node, Number):
            code += to_bytes(node.number, size)
        else:
            fields.append(Field(reader.dialect.kinds.get(size, ""), len(code), node, size=size))
            code += bytes(size)
    put(reader, code, fields)


def put(reader: SourceReader, code: bytes, fields: list[Field]) -> None:
    """Data with fields in it, if there is any."""
    if code:
        reader.add(Data(statement=reader.statement, encoding=Encoding(code, tuple(fields))))


def ascii_text(reader: SourceReader, operands: str) -> None:
    """Strings."""
    put(reader, b"".join(map(strings_bytes, split_operands(operands))), [])


def ascii_with_zeros(reader: SourceReader, operands: str) -> None:
    """Strings with a zero byte behind each."""
    put(reader, b"".join(strings_bytes(text) + b"\0" for text in split_operands(operands)), [])


def space(reader: SourceReader, operands: str) -> None:
    """`size[, value]`: so many bytes; the size may depend on distances between labels."""
    size, *value = between(operands, 1, 2)
    count = reader.expression(size)
    filler = to_bytes(reader.scope.constant(value[0]), 1) if value else b"\0"
    reader.mark_here()
    reader.add(Fill(statement=reader.statement, count=count, item=Encoding(filler)))


def fill(reader: SourceReader, operands: str) -> None:
    """`repeat[, size[, value]]`: integers that are all the same."""
    repeat, *rest = between(operands, 1, 3)
    size = min(reader.scope.constant(rest[0]), 8) if rest else 1
    value = reader.scope.constant(rest[1]) if len(rest) > 1 else 0
    if size < 0:
        raise ValueError(f".fill with items of {size} bytes")
    item = (value & 0xFFFFFFFF).to_bytes(8, "little")[:size]  # GNU as leaves the upper four bytes zero
    count = reader.expression(repeat)
    reader.mark_here()
    reader.add(Fill(statement=reader.statement, count=count, item=Encoding(item)))


HANDLERS = {
    ".ascii": ascii_text,
    **dict.fromkeys((".asciz", ".string"), ascii_with_zeros),
    **dict.fromkeys((".space", ".skip", ".zero"), space),
    ".fill": fill,
}

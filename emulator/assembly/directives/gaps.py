# SPDX-License-Identifier: GPL-2.0-only
"""Directives that leave room: up to an alignment, up to an offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.assembly.arguments import between
from emulator.assembly.atoms import Gap, Origin
from emulator.assembly.expressions import to_bytes

if TYPE_CHECKING:
    from emulator.assembly.reader import SourceReader

ALIGNMENT_LIMIT = 1 << 20
"""The largest alignment, in bytes."""


def align_bytes(reader: SourceReader, operands: str) -> None:
    """`bytes[, value[, most]]`."""
    given = between(operands, 0, 3)
    gap(reader, reader.scope.constant(given[0]) if given and given[0] else 1, given[1:])


def align_power(reader: SourceReader, operands: str) -> None:
    """`power of two[, value[, most]]`."""
    given = between(operands, 0, 3)
    power = reader.scope.constant(given[0]) if given and given[0] else 0
    if not 0 <= power <= 20:
        raise ValueError(f"cannot align to two to the power of {power}")
    gap(reader, 1 << power, given[1:])


def align(reader: SourceReader, operands: str) -> None:
    """One of these, as the dialect has it."""
    if reader.dialect.align_is_power:
        align_power(reader, operands or "2")
    else:
        align_bytes(reader, operands)


def gap(reader: SourceReader, alignment: int, rest: list[str]) -> None:
    """Room up to a multiple of `alignment` bytes; `rest` is the value to fill it with and the most it may be."""
    alignment = alignment or 1
    if alignment < 0 or alignment & alignment - 1 or alignment > ALIGNMENT_LIMIT:
        raise ValueError(f"an alignment is a power of two up to {ALIGNMENT_LIMIT}, not {alignment}")
    value = reader.scope.constant(rest[0]) if rest and rest[0] else None
    most = reader.scope.constant(rest[1]) if len(rest) > 1 and rest[1] else None
    if reader.executable and value == reader.dialect.no_operation:
        value = None
    if value is None and not reader.executable:
        value = 0
    filler = None if value is None else to_bytes(value, 1)[0]
    reader.align(alignment)
    reader.add(Gap(statement=reader.statement, alignment=alignment, value=filler, most=most or None))


def org(reader: SourceReader, operands: str) -> None:
    """`target[, value]`: room up to an offset into the section."""
    target, *value = between(operands, 1, 2)
    node = reader.expression(target)
    filler = to_bytes(reader.scope.constant(value[0]), 1)[0] if value else 0
    reader.mark_here()
    reader.add(Origin(statement=reader.statement, target=node, value=filler))


HANDLERS = {".align": align, ".balign": align_bytes, ".p2align": align_power, ".org": org}

# SPDX-License-Identifier: GPL-2.0-only
"""A subject's trampolines as an annotated listing: text, and one JSON document, described in docs/show.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from emulator.listing import Listing, Row, Stored
from emulator.placement import placement
from emulator.report.lines import WIDTH, Line, Span, heading, line, wrap
from emulator.report.record import statement

SCHEMA = "mcount-emulator/show/1"
FEW = 2
"""Instructions like the one before that are listed all the same."""
INSTRUCTION, STORES = 34, 14
"""Columns of an instruction that stores something, and what it leaves for what is stored."""


# -- text --------------------------------------------------------------------------------------------------------------


def render(shown: Listing) -> list[Line]:
    """For a terminal."""
    digits = 2 * max((len(row.code) for row in shown.rows), default=0)
    return [*_head(shown), *(item for rows in _alike(shown) for item in _rows(shown, rows, digits)), line()]


def _alike(shown: Listing) -> list[list[Row]]:
    """The rows, those together that say the same over and over: what stands between functions, as a rule."""
    groups: list[list[Row]] = []
    for row in shown.rows:
        if groups and not row.labels and not row.ran and _says(row) == _says(groups[-1][-1]):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _says(row: Row) -> tuple[object, ...]:
    source = (row.line.place, row.line.text) if row.line else ()
    return (row.code, row.ran, row.stored, *source)


def _rows(shown: Listing, rows: Sequence[Row], digits: int) -> Iterator[Line]:
    first, *more = rows
    yield from _row(shown, first, digits)
    if len(more) > FEW:
        yield line(Span(f"  ... {len(more)} more of the same", "dim"))
    else:
        yield from (item for row in more for item in _row(shown, row, digits))


def _head(shown: Listing) -> list[Line]:
    subject, placed = shown.subject, placement(shown.subject)
    size = sum(len(row.code) for row in shown.rows)
    files = dict.fromkeys(row.line.place.file for row in shown.rows if row.line)
    lines = [
        heading(f"{subject.arch.name} {subject.variant.name}: the trampolines, source: {subject.origin}"),
        line(f"  {len(shown.rows)} instructions, {size} bytes; sites: {placed.sites[0][1]}, ..."),
        *(line(f"  {place}") for place in files if place != subject.origin),
        *(line(f"  {text}") for note in subject.notes for text in wrap(f"note: {note}", WIDTH - 2)),
        line("  behind an instruction: what it has put into which member of a record; - : no scenario came by"),
    ]
    return [*lines, line()]


def _row(shown: Listing, row: Row, digits: int) -> Iterator[Line]:
    """`digits` is how wide the bytes are."""
    yield from _labels(shown, row)
    lead, text = _lead(shown, row, digits), text_of(shown, row)
    style = "" if row.ran else "dim"
    if not row.stored:
        yield line(Span(lead, "dim"), Span(text[: WIDTH - len(lead)], style))
        return
    width = min(INSTRUCTION, WIDTH - len(lead) - 2 - STORES)
    column = len(lead) + width + 2
    first, *more = wrap(_stored(row.stored), WIDTH - column)
    yield line(Span(lead, "dim"), Span(_cut(text, width).ljust(width + 2), style), Span(first, "green"))
    for rest in more:
        yield line(" " * column, Span(rest, "green"))


def _lead(shown: Listing, row: Row, digits: int) -> str:
    """Mark, address, bytes, line."""
    mark = "" if row.ran or row.padding else "-"
    number = f":{row.line.place.line}" if row.line and row.line.place.line else ""
    return f"{mark:2}{row.address:0{2 * shown.subject.arch.word}x}  {row.code.hex():{digits}}  {number:>5}  "


def _labels(shown: Listing, row: Row) -> Iterator[Line]:
    for label in row.labels:
        what = shown.patched.get(label)
        yield line(Span(f"{label}:", "bold"), Span(f"  ({what})" if what else "", "cyan"))


def text_of(shown: Listing, row: Row) -> str:
    """The instruction: as its source has it, but as it decodes where it branches."""
    found = row.instruction
    if row.padding or found is None:
        return "(padding)" if row.padding else "(no instruction)"
    if found.target is not None:
        return f"{found.mnemonic} {placement(shown.subject).symbols.name(found.target)}"
    text = statement(row.line) if row.line else str(found)
    fixups = placement(shown.subject).trampolines.fixups_between(row.address, row.address + len(row.code))
    unsaid = [fixup.symbol for fixup in fixups if fixup.symbol not in text]
    return " ".join([text, *(f"<{symbol}>" for symbol in unsaid)])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _stored(stored: Sequence[Stored]) -> str:
    """ax = rax; members that follow the register of their own name stand without it."""
    parts = [_name(item) if item.origin == item.member else f"{_name(item)} = {item.origin}" for item in stored]
    return "; ".join(dict.fromkeys(parts))


def _name(item: Stored) -> str:
    if item.whole:
        return item.member
    return f"{item.member}[{item.first}]" if item.first == item.last else f"{item.member}[{item.first}-{item.last}]"


# -- JSON --------------------------------------------------------------------------------------------------------------


def document(shown: Listing) -> dict[str, Any]:
    """For a program."""
    subject = shown.subject
    return {
        "schema": SCHEMA,
        "arch": subject.arch.name,
        "release": subject.variant.release,
        "variant": subject.variant.name,
        "source": subject.origin,
        "patched": dict(shown.patched),
        "instructions": [_instruction(shown, row) for row in shown.rows],
    }


def _instruction(shown: Listing, row: Row) -> dict[str, Any]:
    return {
        "address": f"{row.address:#x}",
        "symbol": placement(shown.subject).symbols.name(row.address),
        "labels": list(row.labels),
        "bytes": row.code.hex(),
        "text": text_of(shown, row),
        "file": row.line.place.file if row.line else None,
        "line": (row.line.place.line or None) if row.line else None,
        "ran": row.ran,
        "stores": [
            {"member": item.member, "first": item.first, "last": item.last, "origin": item.origin}
            for item in row.stored
        ],
    }

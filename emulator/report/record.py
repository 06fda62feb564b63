# SPDX-License-Identifier: GPL-2.0-only
"""The record as a byte map: each member's bytes, their worth, what they follow, and the instruction that wrote them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from emulator.assembly.piece import Line as SourceLine
from emulator.description import Return
from emulator.errors import Place
from emulator.lab import Lab
from emulator.provenance import MemberSeen, Status
from emulator.recording import RecordSeen
from emulator.report.lines import WIDTH, Cell, Line, Span, heading, line, table

ROOM = 34
"""Columns that a row of the byte map has for the writing instruction."""

STYLES = {
    Status.TRUE: "green",
    Status.DERIVED: "green",
    Status.CONSTANT: "cyan",
    Status.UNWRITTEN: "dim",
    Status.WRONG: "bold red",
    Status.CALLBACK: "magenta",
}


def legend() -> list[Line]:
    """The status letters and their meanings, two to a line."""
    cells = [(Span(f" {status.value} ", STYLES[status]), status.meaning) for status in Status]
    return table([[*left, *right] for left, right in zip(cells[::2], cells[1::2], strict=True)], gap=1)


def populated(record: RecordSeen) -> str:
    """n/m: how many of the members somebody wrote."""
    return f"{record.populated}/{len(record)}"


def byte_map(lab: Lab, record: RecordSeen, title: str) -> list[Line]:
    """The whole record. Where one function wrote nearly everything, it and its file are named once, above."""
    members = list(record)
    function, file = _home(lab, members)
    struct = lab.struct.name.removeprefix("__arch_")  # what is inside of an opaque struct ftrace_regs
    head = f"{title}: struct {struct} at {record.address:x}, {populated(record)} members written"
    lines = [heading(head)]
    if function:
        lines.append(line(f"by: {_copy(lab, function)}, +offset:line"))
        lines.append(line(f"    lines of {file}"))
    rows: list[list[Cell]] = [
        ["off", "member", "bytes, as in memory".ljust(3 * lab.arch.word - 1), "", "origin", "honoured", "by"]
    ]
    for seen in members:
        rows += _rows(lab, seen, record.honoured(seen.member.name).value, function, file)
    return [*lines, *map(_fitting, table(rows, gap=1, indent=1)), []]


def _fitting(row: Line) -> Line:
    """A row whose last cell ends where the page does."""
    beyond = sum(len(span.text) for span in row) - WIDTH
    if beyond <= 0:
        return row
    return [*row[:-1], row[-1]._replace(text=f"{row[-1].text[: -beyond - 3]}...")]


def _home(lab: Lab, members: list[MemberSeen]) -> tuple[str, str]:
    """The function and the file of most of the writing instructions."""
    writers = [seen.writer for seen in members if seen.writer is not None]
    functions = [function.name for function in map(lab.image.symbols.function, writers) if function]
    files = [found.place.file for found in map(lab.image.symbols.line, writers) if found]
    return _most(functions), _most(files)


def _most(names: list[str]) -> str:
    return max(names, key=names.count, default="")


def _copy(lab: Lab, name: str) -> str:
    """A function's name, and what it is a copy of."""
    symbols = lab.image.symbols
    original = symbols.name(symbols.original(symbols.address(name)))
    return name if original == name else f"{name}, a private copy of {original}"


def _rows(lab: Lab, seen: MemberSeen, honoured: str, function: str, file: str) -> list[list[Cell]]:
    style = STYLES[seen.status]
    data = " ".join(f"{byte.value:02x}" for byte in seen.bytes)
    letter = Span(seen.status.value, style)
    cells: list[Cell] = [
        f"{seen.member.offset:3}",
        seen.member.name,
        Span(data, style),
        letter,
        _follows(lab, seen),
        honoured,
    ]
    rows = [[*cells, _writer(lab, seen.writer, function, file)]]
    if len({byte.status for byte in seen.bytes}) > 1 or seen.origin.short == "mixed":
        letters = " ".join(f" {byte.status.value}" for byte in seen.bytes)
        rows.append(["", "", letters, "", ", ".join(dict.fromkeys(byte.origin.short for byte in seen.bytes))])
    return rows


def _follows(lab: Lab, seen: MemberSeen) -> str:
    """What the value follows; the last column says it of a member that nobody wrote."""
    if seen.status is Status.UNWRITTEN:
        return "-"
    landing = f"site+{len(lab.variant.site.call.opcode)}"
    return landing if isinstance(seen.origin.value, Return) else seen.origin.short


def _writer(lab: Lab, address: int | None, function: str, file: str) -> str:
    """+0x67:149  mov %r15, PT_r15(%rsp), with whatever differs from the heading said in full."""
    if address is None:
        return "never written"
    name, found = lab.symbol(address), lab.image.symbols.line(address)
    shown = "+0x0" if name == function else name
    shown = name.removeprefix(function) if function and name.startswith(f"{function}+") else shown
    if found is None:
        return shown
    where = f"{shown}{_line(found.place, file)}"
    return where.ljust(10) + f" {_short(statement(found))}"


def _line(place: Place, file: str) -> str:
    """:149, with the file's name where it is another one than the heading's; empty for what has no lines."""
    if not place.line:
        return ""
    return f":{place.line}" if place.file == file else f":{PurePosixPath(place.file).name}:{place.line}"


def _short(text: str) -> str:
    """An instruction cut to what a row has room for."""
    return text if len(text) <= ROOM else f"{text[: ROOM - 3]}..."


def statement(source: SourceLine) -> str:
    """A line's instruction in one line, without the numeric label that may stand before it."""
    return re.sub(r"^\d+:\s*", "", " ".join(source.text.split()))

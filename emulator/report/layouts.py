# SPDX-License-Identifier: GPL-2.0-only
"""The layouts of pt_regs, ftrace_ops and ftrace_regs: ours, or a kernel image's beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emulator.description import Variant
from emulator.images.layouts import Row
from emulator.report.lines import Cell, Line, Span, heading, line, table

SCHEMA = "mcount-emulator/layouts/1"


def render(file: Path | None, arch: str, variant: Variant, rows: Sequence[Row]) -> list[Line]:
    """For a terminal: offset and size of each member, `!` where the two do not agree."""
    beside = _beside(rows)
    head: list[Cell] = ["", "struct", "member", "ours", *(["the image's"] if beside else [])]
    different = sum(not row.same for row in rows) if beside else 0
    said = f"{different} of {len(rows)} differ" if beside else _alone(file)
    title = heading(f"{arch} {variant.name}: layouts, offset+size in bytes{f', {file}' if file else ''}")
    return [title, line(f"  {said}"), *table([head, *(_row(row, beside=beside) for row in rows)]), line()]


def _beside(rows: Sequence[Row]) -> bool:
    """Whether there is anything to compare with."""
    return any(row.theirs for row in rows)


def _alone(file: Path | None) -> str:
    return f"{file} says nothing of layouts: these are the declared ones" if file else "as they are declared"


def _row(row: Row, *, beside: bool) -> list[Cell]:
    wrong = beside and not row.same
    cells: list[Cell] = [Span("!" if wrong else "", "bold red"), row.struct, row.member or "(size)", _place(row.ours)]
    return [*cells, Span(_place(row.theirs), "bold red" if wrong else "")] if beside else cells


def _place(place: tuple[int, int] | None) -> str:
    return "-" if place is None else f"{place[0]:3}+{place[1]}"


def document(file: Path | None, arch: str, variant: Variant, rows: Sequence[Row]) -> dict[str, Any]:
    """For a program."""
    beside = _beside(rows)
    return {
        "schema": SCHEMA,
        "arch": arch,
        "release": variant.release,
        "variant": variant.name,
        "source": str(file) if file else "ours",
        "members": [
            {
                "struct": row.struct,
                "member": row.member,
                "ours": row.ours,
                "theirs": row.theirs,
                "same": row.same if beside else None,
            }
            for row in rows
        ],
    }

# SPDX-License-Identifier: GPL-2.0-only
"""Text as lines of styled spans: plain, or coloured by rich for a terminal. Colour never says anything alone."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

WIDTH = 100
"""Columns of every text report, piped or not."""


class Span(NamedTuple):
    """A piece of a line in one style; a style is one of rich's."""

    text: str
    style: str = ""


Line = list[Span]
Cell = str | Span


def line(*spans: Cell) -> Line:
    """A line from strings and spans."""
    return [span if isinstance(span, Span) else Span(span) for span in spans]


def heading(text: str) -> Line:
    """A line that opens a part of a report."""
    return [Span(text, "bold")]


def table(rows: Iterable[Sequence[Cell]], *, gap: int = 2, indent: int = 0) -> list[Line]:
    """Rows of cells as aligned lines; a row's last cell may be as long as it likes."""
    cells = [line(*row) for row in rows]
    columns = max((len(row) for row in cells), default=0)
    widths = [
        max((len(row[column].text) for row in cells if column < len(row) - 1), default=0) for column in range(columns)
    ]
    return [_row(row, widths, gap, indent) for row in cells]


def _row(row: Line, widths: Sequence[int], gap: int, indent: int) -> Line:
    spans = [Span(" " * indent)] if indent else []
    for column, span in enumerate(row):
        last = column == len(row) - 1
        spans.append(Span(span.text if last else span.text.ljust(widths[column] + gap), span.style))
    return spans


def wrap(text: str, width: int) -> list[str]:
    """Words in lines of at most `width` columns."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def plain(lines: Iterable[Line]) -> str:
    """The lines as text."""
    return "".join("".join(span.text for span in spans).rstrip() + "\n" for spans in lines)


def coloured(lines: Iterable[Line]) -> str:
    """The lines as text with terminal sequences."""
    from rich.console import Console  # noqa: PLC0415 - plain output need not wait for rich
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=io.StringIO(), force_terminal=True, width=WIDTH, highlight=False, no_color=False)
    with console.capture() as capture:
        for spans in lines:
            text = Text.assemble(*((span.text, span.style) for span in spans))
            text.rstrip()
            console.print(text, soft_wrap=True)
    return capture.get()

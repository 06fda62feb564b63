# SPDX-License-Identifier: GPL-2.0-only
"""What changed in behaviour, as text in the style of a unified diff, and as one JSON document, see docs/diff.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from emulator.behaviour.changes import Change, Difference, Hunk
from emulator.behaviour.saved import Side
from emulator.report.lines import WIDTH, Line, Span, line, wrap

SCHEMA = "mcount-emulator/diff/1"
OLD, NEW, HUNK = "red", "green", "cyan"
NARROWEST, WIDEST = 24, 44
"""Columns of a fact's name."""

SECTIONS = {
    "arguments": "callback",
    "loaded_back": "loaded back",
    "goes_to": "goes to",
    "graph": "prepare_ftrace_return",
    "argument": "ftrace_return_to_handler",
    "registers": "landing",
}
"""What a section of the document is called in a text."""


class Compared(NamedTuple):
    """Everything of two operands: the variants that both have, and those that only one has."""

    differences: Sequence[Difference]
    gone: Sequence[Side] = ()
    come: Sequence[Side] = ()

    def __bool__(self) -> bool:
        return bool(self.gone or self.come or any(self.differences))


def render(compared: Compared) -> list[Line]:
    """The changes of every variant that has any, then what was compared in one line."""
    lines: list[Line] = []
    for difference in compared.differences:
        lines += _difference(difference) if difference else []
    lines += [_sided("-", OLD, f"{side.name}: only in OLD") for side in compared.gone]
    lines += [_sided("+", NEW, f"{side.name}: only in NEW") for side in compared.come]
    return [*lines, *_summary(compared)]


def _difference(difference: Difference) -> Iterator[Line]:
    for sign, style, side in (("---", OLD, difference.old), ("+++", NEW, difference.new)):
        yield line(Span(_fitting(f"{sign} {side.name}  ", side.source), f"bold {style}"))
    for hunk in difference.hunks:
        yield from _hunk(hunk)
    if difference.gone or difference.come:
        yield line(Span("@@ paths @@", HUNK))
        yield from (_sided("-", OLD, f"{name}: {title}") for name, title in difference.gone.items())
        yield from (_sided("+", NEW, f"{name}: {title}") for name, title in difference.come.items())
    if difference.findings:
        yield line(Span("@@ verdicts @@", HUNK))
        yield from _changes(difference.findings)
    yield []


def _fitting(start: str, text: str) -> str:
    """A line that loses the beginning of its text where there is no room for it."""
    room = WIDTH - len(start)
    return start + (text if len(text) <= room else f"...{text[3 - room :]}")


def _sided(sign: str, style: str, text: str) -> Line:
    return line(Span(f"{sign}{text}"[:WIDTH], style))


def _hunk(hunk: Hunk) -> Iterator[Line]:
    yield line(Span(f"@@ {hunk.entry} @@"[:WIDTH], HUNK))
    yield from (line(f" {text}") for text in wrap(where(hunk), WIDTH - 1) if text)
    yield from _changes(hunk.changes)


def where(hunk: Hunk) -> str:
    """The paths on which the changes were seen."""
    return ", ".join(f"{path} ({', '.join(labels)})" if any(labels) else path for path, labels in hunk.where.items())


def _changes(changes: Sequence[Change]) -> Iterator[Line]:
    names = [named(change.fact) for change in changes]
    width = min(max(NARROWEST, *(len(name) for name in names)), WIDEST)
    for name, change in zip(names, changes, strict=True):
        yield from _wrapped("-", OLD, name.ljust(width), change.old)
        yield from _wrapped("+", NEW, name.ljust(width), change.new)


def named(fact: str) -> str:
    """A fact's name for people: "record bx"."""
    section, *more = fact.split(".")
    return " ".join([SECTIONS.get(section, section), *more])


def _wrapped(sign: str, style: str, name: str, text: str) -> Iterator[Line]:
    room = WIDTH - len(sign) - len(name) - 2
    for number, part in enumerate(wrap(text, room)):
        shown = name if number == 0 else " " * len(name)
        yield line(Span(f"{sign}{shown}  {part[:room]}", style))


def _summary(compared: Compared) -> list[Line]:
    """One line, which says also what was looked at where nothing changed."""
    changed = [difference for difference in compared.differences if difference]
    paths = sum(difference.compared for difference in compared.differences)
    looked = f"{_count(len(compared.differences), 'variant')}, {paths} paths"
    if not compared:
        return [line(f"no change in behaviour: {looked} compared")]
    changes = sum(len(hunk.changes) for difference in changed for hunk in difference.hunks)
    verdicts = sum(len(difference.findings) for difference in changed)
    return [line(f"{_count(changes, 'change')} in behaviour, {verdicts} in verdicts: {looked} compared")]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def document(compared: Compared) -> dict[str, Any]:
    """The same as data."""
    return {
        "schema": SCHEMA,
        "changed": bool(compared),
        "variants": [_variant(difference) for difference in compared.differences],
        "only_in_old": [_side(side) for side in compared.gone],
        "only_in_new": [_side(side) for side in compared.come],
    }


def _variant(difference: Difference) -> dict[str, Any]:
    return {
        "old": _side(difference.old),
        "new": _side(difference.new),
        "compared": difference.compared,
        "hunks": [_data(hunk) for hunk in difference.hunks],
        "verdicts": [change._asdict() for change in difference.findings],
        "paths_only_in_old": difference.gone,
        "paths_only_in_new": difference.come,
    }


def _data(hunk: Hunk) -> dict[str, Any]:
    where = {path: list(labels) for path, labels in hunk.where.items()}
    return {"entry": hunk.entry, "where": where, "changes": [change._asdict() for change in hunk.changes]}


def _side(side: Side) -> dict[str, str]:
    return {"arch": side.arch, "release": side.release, "variant": side.variant, "source": side.source}

# SPDX-License-Identifier: GPL-2.0-only
"""A source made ready for GNU as: one statement a line, without comments, files included, and marked.

GNU as reports what a macro made under the line that called the macro. So that the line inside the macro is not lost,
every instruction is preceded by an assignment that says which statement follows: it is expanded with the macro, appears
in the listing, and changes nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emulator.assembly import includes
from emulator.assembly.lexer import Statement, lex
from emulator.assembly.piece import Source

MARK = ".L.statement"
MOST_STATEMENTS = 1 << 20
DEEPEST = 16
"""How many files may include each other."""

LABELS = re.compile(r"(?:[\w.$\\@()]+:\s*)*")
DIRECTIVE = re.compile(r"\.|[\w.$]+\s*=|[\w.$]+\s+\.req\b")
INCLUDE = re.compile(r'\.include\s+"([^"\\]*)"$')


@dataclass(frozen=True, slots=True)
class Text:
    """What GNU as reads, and for each of its lines, from 1, the statement that stands there or that is marked there."""

    text: str
    statements: tuple[Statement, ...]

    def statement(self, line: int) -> Statement | None:
        """The statement on a line of `text`."""
        return self.statements[line - 1] if 0 < line <= len(self.statements) else None


def prepare(source: Source, comment: str) -> Text:
    """The text to give to GNU as. Raises AssemblyError for what is no source text, and for too much of it."""
    lines: list[str] = []
    owners: list[Statement] = []
    for statement in _included(lex(source.name, source.text, comment), source, comment, 0):
        if is_instruction(statement.text):
            lines.append(f"{MARK}={len(lines) + 2}")
            owners.append(statement)
        lines.append(statement.text)
        owners.append(statement)
        if len(lines) > MOST_STATEMENTS:
            raise statement.error(f"more than {MOST_STATEMENTS} statements")
    return Text("\n".join([*lines, ""]), tuple(owners))


def bare(text: str) -> str:
    """A statement without the labels before it."""
    return text[LABELS.match(text).end() :].strip()  # type: ignore[union-attr]  # it matches the empty string


def is_instruction(text: str) -> bool:
    """Whether a statement makes an instruction, or may do so when a macro is expanded."""
    statement = bare(text)
    return bool(statement) and not DIRECTIVE.match(statement)


def _included(statements: list[Statement], source: Source, comment: str, depth: int) -> Iterator[Statement]:
    """The statements with those of included files in place.

    Where that is not possible there is an .error instead: it may stand in a condition that is false.
    """
    for statement in statements:
        wanted = INCLUDE.match(statement.text)
        if wanted is None:
            yield statement
            continue
        try:
            path, text = _find(wanted[1], source, depth)
        except ValueError as error:
            message = str(error).translate({ord(character): " " for character in '"\\\n'})
            yield Statement(f'.error "{message}"', statement.place, statement.calls)
        else:
            yield from _included(lex(path, text, comment), source, comment, depth + 1)


def _find(name: str, source: Source, depth: int) -> tuple[str, str]:
    if depth == DEEPEST:
        raise ValueError(f"more than {DEEPEST} files include each other")
    return includes.find(name, source.name, source.includes)

# SPDX-License-Identifier: GPL-2.0-only
"""The listing of GNU as (-aclmn) read back into Lines: section, offset, and the macro calls that led to each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.assembly.gnu_text import MARK, Text, bare, is_instruction
from emulator.assembly.piece import Line
from emulator.errors import Place

OPTIONS = ("-aclmn", "--listing-lhs-width=8", "--listing-cont-lines=0", "--listing-rhs-width=1000")
"""32 bytes of code a line, no more lines where that is not enough: no instruction is longer."""

# "  14 0001 48894424 10      >> movq %rax,16(%rsp)": line, offset, bytes, depth of macros, text
ROW = re.compile(r" *(\d+) (?:([0-9a-f]{4,}) ([0-9A-F ]+)| *)\t(>*)\s*(.*)")
MARKED = re.compile(re.escape(MARK) + r"=(\d+)")
OPENING = re.compile(r"\.(?:macro|rept|irpc?)\b")
CLOSING = re.compile(r"\.end[mr]\b")
SECTION = re.compile(r"\.(text|data|bss|section|pushsection|popsection|previous)\b(?:\s+([\w.$*-]+|\"[^\"]*\"))?")


class _Sections:
    """Which section is current, as the directives say that the listing shows."""

    def __init__(self) -> None:
        self.now = self.before = ".text"
        self.pushed: list[tuple[str, str]] = []

    def obey(self, directive: str, name: str) -> None:
        """Follow one section directive."""
        if directive == "popsection":
            if self.pushed:
                self.now, self.before = self.pushed.pop()
            return
        if directive == "previous":
            self.now, self.before = self.before, self.now
            return
        if directive == "pushsection":
            self.pushed.append((self.now, self.before))
        named = directive in ("section", "pushsection")
        self.now, self.before = (name.strip('"') if named else f".{directive}"), self.now


def lines(listing: str, source: Text) -> Iterator[Line]:
    """The Lines of a listing, in its order."""
    sections = _Sections()
    last: dict[int, tuple[int, str]] = {}  # depth of macros -> the last line shown there, and its text
    marked = 0
    for number, offset, code, depth, text in _rows(listing):
        if mark := MARKED.fullmatch(text):
            marked = int(mark[1])
            continue
        own = number if depth == 0 else marked
        last[depth] = own, text
        if section := SECTION.match(bare(text)):
            sections.obey(section[1], section[2] or "")
        elif code:
            size = len(code.replace(" ", "")) // 2
            calls = tuple(_calls(last, depth, source))
            if statement := source.statement(own):
                shown = bare(text if depth else statement.text)
                place = statement.place
                yield Line(sections.now, int(offset, 16), size, place, shown, calls, is_instruction(shown))


def _rows(listing: str) -> Iterator[tuple[int, str, str, int, str]]:
    """(line, offset, code, depth, text), without the definitions of macros and loops, which come before their use."""
    open_ = 0
    for match in map(ROW.fullmatch, listing.splitlines()):
        if match is None:
            continue
        depth, text = len(match[4]), match[5].strip()
        if depth == 0:
            inside = open_ > 0
            open_ += bool(OPENING.match(bare(text))) - bool(CLOSING.match(text))
            if inside and open_ > 0:
                continue
        yield int(match[1]), match[2] or "", match[3] or "", depth, text


def _calls(last: dict[int, tuple[int, str]], depth: int, source: Text) -> Iterator[Place]:
    """The macro calls around the line just read, innermost first; a loop is none."""
    for outer in range(depth - 1, -1, -1):
        number, text = last.get(outer, (0, "."))
        statement = source.statement(number)
        if statement and not bare(text).startswith("."):
            yield statement.place

# SPDX-License-Identifier: GPL-2.0-only
"""Source text to statements: comments out, strings whole, `;` splits, line markers of a preprocessor obeyed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from emulator.errors import AssemblyError, Place

TEXT_LIMIT = 4 << 20
"""The longest source text accepted, in characters."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without comments and outer blanks; `calls` are macro invocations, innermost first."""

    text: str
    place: Place
    calls: tuple[Place, ...] = ()

    def error(self, message: str, text: str | None = None) -> AssemblyError:
        """The error to raise about this statement, or about `text` in it."""
        return AssemblyError(message, self.place, self.text if text is None else text, self.calls)


_BINARY = re.compile(r"[\0-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_MARKER = re.compile(r'#[ \t]*(?:line[ \t]+)?(\d+)[ \t]+"([^"]*)"')
# A comment may well begin with a word like "if" or "define"; what no prose looks like is a directive.
_PREPROCESSOR = re.compile(
    r"""\#(?:
        (?:if|elif|error|warning|pragma)\b
      | [ \t]*include[ \t]*[<"]
      | define[ \t]+[A-Za-z_] | [ \t]+define[ \t]+_*[A-Z]
      | undef[ \t]+\w+[ \t]*$ | [ \t]*ifn?def[ \t]+\w+[ \t]*(?:$|/[*/])
      | [ \t]*(?:else|endif)[ \t]*(?:$|/[*/])
    )""",
    re.VERBOSE,
)
_NEEDS_PREPROCESSOR = "this source needs a C preprocessor; run it through one first (cc -E)"
_DIRECTIVE = re.compile(rf"^[ \t]*(?:{_PREPROCESSOR.pattern})", re.VERBOSE | re.MULTILINE)


@cache
def _token(comment: str) -> re.Pattern[str]:
    """What can come next; each alternative is a case of `lex`."""
    special = re.escape(comment)
    opens = f"[{special}]|//" if comment else "//"
    return re.compile(
        rf"""(?P<hash>^[ \t]*\#[^\n]*)
           | (?P<plain>[^\n;"'/\\{special}]+)
           | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
           | (?P<newline>\n)
           | (?P<split>;)
           | (?P<counter>\\@)
           | (?P<comment>(?:{opens})[^\n]*)
           | (?P<block>/\*(?s:.*?)\*/)
           | (?P<joined>\\\n)
           | (?P<open>/\*|")
           | (?P<char>'(?:\\[^\n]|[^\\\n])'?)
           | (?P<other>.)""",
        re.VERBOSE | re.MULTILINE,
    )


def lex(name: str, text: str, comment: str) -> list[Statement]:
    """The statements of `text`; `comment` are the characters that begin a comment anywhere in a line.

    Raises AssemblyError for text that is binary, too long, open at its end, or not yet preprocessed.
    """
    return list(_lexed(name, text, comment))


@lru_cache(maxsize=16)
def _lexed(name: str, text: str, comment: str) -> tuple[Statement, ...]:
    """Several variants often have the same source."""
    _check(name, text)
    return tuple(_Lexer(name, comment).run(text.replace("\r\n", "\n").replace("\r", "\n")))


def needs_preprocessor(text: str) -> bool:
    """Whether a source has lines that a C preprocessor is meant to read."""
    return _DIRECTIVE.search(text) is not None


def split(statement: Statement, text: str, comment: str) -> list[Statement]:
    """The statements in the `text` that a macro argument made of `statement`; all stand at its place."""
    parts = _Lexer(statement.place.file, comment).run(text)
    return [Statement(part.text, statement.place, statement.calls) for part in parts]


def _check(name: str, text: str) -> None:
    if len(text) > TEXT_LIMIT:
        raise AssemblyError(f"longer than {TEXT_LIMIT} characters", Place(name))
    if binary := _BINARY.search(text):
        line = text.count("\n", 0, binary.start()) + 1
        column = binary.start() - (text.rfind("\n", 0, binary.start()) + 1) + 1
        raise AssemblyError("not a text file", Place(name, line, column), repr(binary.group()))


class _Lexer:
    """Walks the tokens of one text."""

    def __init__(self, name: str, comment: str) -> None:
        self.file = name
        self.line = 1
        self.token = _token(comment)
        self.pieces: list[str] = []
        self.start: Place | None = None
        self.found: list[Statement] = []

    def run(self, text: str) -> list[Statement]:
        begin = 0  # of the current line
        for match in self.token.finditer(text):
            kind, piece = match.lastgroup, match.group()
            if kind == "newline":
                self.end()
                self.line += 1
                begin = match.end()
            elif kind in ("plain", "string", "char", "counter", "other"):
                self.add(piece, match.start() - begin)
            elif kind == "split":
                self.end()
            elif kind == "hash":
                self.hash(piece)
            elif kind == "block":
                self.pieces.append(" ")
                if lines := piece.count("\n"):
                    self.line += lines
                    begin = match.start() + piece.rfind("\n") + 1
            elif kind == "joined":
                self.pieces.append(" ")
                self.line += 1
                begin = match.end()
            elif kind == "open":
                what = "string" if piece == '"' else "comment"
                place = Place(self.file, self.line, match.start() - begin + 1)
                raise AssemblyError(f"{what} without an end", place, text[match.start() : match.start() + 60])
        self.end()
        return self.found

    def add(self, piece: str, column: int) -> None:
        if self.start is None:
            stripped = piece.lstrip()
            if not stripped:
                return
            self.start = Place(self.file, self.line, column + len(piece) - len(stripped) + 1)
        self.pieces.append(piece)

    def end(self) -> None:
        if self.start is not None:
            self.found.append(Statement("".join(self.pieces).strip(), self.start))
            self.start = None
        self.pieces.clear()

    def hash(self, line: str) -> None:
        """A line whose first character is `#`: a line marker, a comment, or something for the preprocessor."""
        text = line.lstrip()
        if marker := _MARKER.match(text):
            self.file, self.line = marker[2], int(marker[1][:9]) - 1  # the newline that follows makes up for the one
        elif _PREPROCESSOR.match(text):
            raise AssemblyError(_NEEDS_PREPROCESSOR, Place(self.file, self.line, len(line) - len(text) + 1), text)

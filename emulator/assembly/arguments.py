# SPDX-License-Identifier: GPL-2.0-only
"""Lists of operands and of macro arguments, and the strings in them."""

from __future__ import annotations

import re
from functools import cache

_STRING = r'"(?:[^"\\]|\\.)*"'
_WHOLE_STRING = re.compile(_STRING, re.DOTALL)
_STRINGS = re.compile(rf"(?:{_STRING}\s*)+", re.DOTALL)
_PART = re.compile(rf'{_STRING}|[^",()\[\]{{}}]+|.', re.DOTALL)


def split_operands(text: str) -> list[str]:
    """The operands between the commas outside of brackets and strings, without outer blanks; [] for no text."""
    if not text.strip():
        return []
    found, current, depth = [], "", 0
    for part in _PART.findall(text):
        if part == "," and depth <= 0:
            found.append(current.strip())
            current = ""
            continue
        depth += (part in "([{") - (part in ")]}") if len(part) == 1 else 0
        current += part
    return [*found, current.strip()]


def between(operands: str, least: int, most: int) -> list[str]:
    """The operands, so many of them. Raises ValueError."""
    found = split_operands(operands)
    if not least <= len(found) <= most or (least and not found[0]):
        raise ValueError(f"expected {least if least == most else f'{least} to {most}'} operands, found {len(found)}")
    return found


@cache
def _blanks(symbol: str) -> re.Pattern[str]:
    word = rf'[\w.$"\\{re.escape(symbol)}]'
    return re.compile(rf"({_STRING})|(?<={word})(\s+)(?={word})|\s+", re.DOTALL)


def squeeze(text: str, symbol: str) -> str:
    """`text` with the blanks that GNU as keeps: those between two characters that can be part of a word.

    Other blanks do not separate macro arguments: `a + b` is one. `symbol` are the characters that the architecture
    counts as parts of words besides letters, digits, `_`, `.` and `$`. Strings stay as they are.
    """
    return _blanks(symbol).sub(lambda match: match[1] or (" " if match[2] else ""), text.strip())


_BETWEEN_BRACKETS = re.compile(rf'(?:{_STRING}|[^\s,"()\[\]])+|[^,"]', re.DOTALL)
_SEPARATOR = re.compile(r"\s*,\s*|\s+")


def argument_end(text: str, position: int) -> int:
    """Where the macro argument ends that begins at `position`: at a comma, or at a blank outside of brackets."""
    opened: list[str] = []
    while match := _BETWEEN_BRACKETS.match(text, position):
        part = match.group()
        if part.isspace() and not opened:
            break
        if part in "([":
            opened.append(")" if part == "(" else "]")
        elif opened and part == opened[-1]:
            opened.pop()
        position = match.end()
    return position


def split_arguments(text: str, symbol: str, most: int | None = None) -> list[str]:
    """Macro arguments: separated by commas, or by blanks outside of brackets that `squeeze` keeps.

    The last of `most` takes the rest.

    Arguments may be empty, and may hold strings, which stay in their quotes. Raises ValueError for an open string.
    """
    text = squeeze(text, symbol)
    found: list[str] = []
    position = 0
    while position < len(text):
        if most is not None and len(found) == most - 1:
            return [*found, text[position:]]
        end = argument_end(text, position)
        found.append(text[position:end])
        position = end
        separator = _SEPARATOR.match(text, position)
        if separator is None:
            if position < len(text):
                raise ValueError("a string without an end")
            return found
        position = separator.end()
        if position == len(text) and "," in separator.group():
            found.append("")
    return found


def unquote(text: str) -> str:
    """A macro argument without its quotes, and its escaped quotes without their backslashes."""
    if not _WHOLE_STRING.fullmatch(text):
        return text
    return text[1:-1].replace('\\"', '"')


def strings_bytes(text: str) -> bytes:
    """What quoted strings one behind the other stand for together. Raises ValueError."""
    if not _STRINGS.fullmatch(text):
        return string_bytes(text)
    return b"".join(string_bytes(part) for part in _WHOLE_STRING.findall(text))


_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]+)|(.))", re.DOTALL)
_CONTROL = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def string_bytes(text: str) -> bytes:
    """What a quoted string of .ascii stands for, in UTF-8. Raises ValueError."""
    if not _WHOLE_STRING.fullmatch(text):
        raise ValueError(f"expected a string, found {text[:20]!r}")
    return _ESCAPE.sub(_unescape, text[1:-1].encode())


def _unescape(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, other = match.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal[-2:], 16)])
    return _CONTROL.get(other, other)

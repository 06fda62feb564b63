# SPDX-License-Identifier: GPL-2.0-only
"""What a filter string means: filter_parse_regex(), ftrace_match(), lib/glob.c.

3.x knows one * at the front, at the end, or both, and ignores what follows the second. Since 4.10 a string is a full
glob, and since 5.1 one that begins with a digit is the number of a record, counted from 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from emulator.core.records import DynFtrace
from emulator.core.release import Release

NOT = "!"
"""In front of a filter string: take the functions away instead."""

Matcher = Callable[[str], bool]


def match_records(records: Iterable[DynFtrace], text: str, release: Release) -> set[int]:
    """The addresses of the records whose functions a filter string means; an empty string means none."""
    search = text.removeprefix(NOT)
    if not release.full_globs:
        matches = affix(search)
    elif "0" <= search[:1] <= "9":
        return by_index(records, search)
    else:
        matches = glob(search)
    return {rec.ip for rec in records if matches(rec.symbol)}


_NUMBER = re.compile(r"0[xX](?P<hex>[0-9a-fA-F]{1,16})|(?P<octal>0[0-7]{0,22})|(?P<decimal>[1-9][0-9]{0,19})")
_BASES = {"hex": 16, "octal": 8, "decimal": 10}


def by_index(records: Iterable[DynFtrace], text: str) -> set[int]:
    """The one record with that number, as kstrtoul() reads it: hexadecimal behind 0x, octal behind 0."""
    number = _NUMBER.fullmatch(text)
    if number is None or number.lastgroup is None:
        return set()
    wanted = int(number[number.lastgroup], _BASES[number.lastgroup])
    return {rec.ip for index, rec in enumerate(records, 1) if index == wanted}


def affix(search: str) -> Matcher:
    """`x` is the whole name, `x*` its beginning, `*x` its end, `*x*` a part of it; what follows is not looked at."""
    front = search.startswith("*")
    text, back, _ignored = search.removeprefix("*").partition("*")
    if front and back:
        return lambda name: text in name
    if front:
        return lambda name: name.endswith(text)
    if back:
        return lambda name: name.startswith(text)
    return lambda name: name == text


_TOKEN = re.compile(
    r"""(?P<any>\*)
      | (?P<one>\?)
      | \[(?P<inverted>!?+)(?P<members>.[^]]*)\]
      | \\(?P<escaped>.?)
      | (?P<plain>.)""",
    re.DOTALL | re.VERBOSE,
)


def glob(search: str) -> Matcher:
    """*, ?, [a-z], [!a-z] and a backslash as lib/glob.c reads them; an unclosed [ is itself.

    What stands between two stars is looked for once, as far left as it can be, so that long globs stay fast.
    """
    parts = [""]
    for token in _TOKEN.finditer(search):
        if token["any"]:
            parts.append("")
        else:
            parts[-1] += _one_character(token)
    first, *between = parts
    last = [".*" + between.pop()] if between else []
    pattern = re.compile("".join([first, *(f"(?>.*?{part})" for part in between), *last]), re.DOTALL)
    return lambda name: pattern.fullmatch(name) is not None


def _one_character(token: re.Match[str]) -> str:
    """The regular expression for any token but a star; a backslash at the very end is for nothing."""
    if token["one"]:
        return "."
    if token["members"]:
        return _char_class(token["members"], inverted=bool(token["inverted"]))
    return re.escape(token["plain"] or token["escaped"])


def _char_class(members: str, *, inverted: bool) -> str:
    """A range whose ends are the wrong way round has nothing in it."""
    ranges = [(low, high or low) for low, high in re.findall(r"(.)(?:-(.))?", members, re.DOTALL)]
    inside = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in ranges if low <= high)
    if not inside:
        return "." if inverted else "(?!)"
    return f"[^{inside}]" if inverted else f"[{inside}]"

# SPDX-License-Identifier: GPL-2.0-only
"""Macros: their headers, the arguments of a call, and what is put into the body (GNU as manual, "Macro")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from emulator.assembly.arguments import argument_end, split_arguments, squeeze, unquote
from emulator.assembly.lexer import Statement


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name, what it is where the call gives nothing, and the qualifier: "", "req" or "vararg"."""

    name: str
    default: str = ""
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro as defined."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Sequence[Statement]

    def arguments(self, text: str, symbol: str) -> dict[str, str]:
        """Parameter to argument for a call with `text`; `symbol` as in arguments.squeeze. Raises ValueError."""
        takes_rest = bool(self.parameters) and self.parameters[-1].qualifier == "vararg"
        given = split_arguments(text, symbol, len(self.parameters) if takes_rest else None)
        values = {parameter.name: parameter.default for parameter in self.parameters}
        supplied: set[str] = set()
        for index, argument in enumerate(given):
            name, value = self._place(index, argument)
            if value:
                supplied.add(name)
                values[name] = value
        for parameter in self.parameters:
            if parameter.qualifier == "req" and parameter.name not in supplied:
                raise ValueError(f"macro {self.name!r} needs a value for {parameter.name!r}")
        return values

    def _place(self, index: int, argument: str) -> tuple[str, str]:
        name, equals, value = argument.partition("=")
        if equals and any(name == parameter.name for parameter in self.parameters):
            return name, unquote(value)
        if index >= len(self.parameters):
            raise ValueError(f"macro {self.name!r} takes {len(self.parameters)} arguments, not {argument[:40]!r} too")
        parameter = self.parameters[index]
        return parameter.name, argument if parameter.qualifier == "vararg" else unquote(argument)


_NAME = re.compile(r"\s*([\w.$]+)[\s,]*")
_PARAMETER = re.compile(r"([\w.$]+)(?::(\w+))?(=)?")
_SEPARATOR = re.compile(r"[\s,]*")


def define(header: str, body: Sequence[Statement], symbol: str) -> Macro:
    """The macro with the `header` that stands behind .macro. Raises ValueError."""
    start = _NAME.match(header)
    if start is None:
        raise ValueError("expected the macro's name")
    return Macro(start[1], parse_parameters(squeeze(header[start.end() :], symbol)), body)


def parse_parameters(text: str) -> tuple[Parameter, ...]:
    """Parameters as `a, b=1, c:req, d:vararg`. Raises ValueError."""
    found: dict[str, Parameter] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise ValueError(f"expected a parameter, found {text[position : position + 20]!r}")
        name, qualifier = match[1], match[2] or ""
        end = argument_end(text, match.end()) if match[3] else match.end()
        default = text[match.end() : end]
        if qualifier not in ("", "req", "vararg"):
            raise ValueError(f"a parameter is :req or :vararg, not :{qualifier}")
        if name in found:
            raise ValueError(f"two parameters are called {name!r}")
        found[name] = Parameter(name, unquote(default), qualifier)
        position = _SEPARATOR.match(text, end).end()  # type: ignore[union-attr] # it matches nothing, too
    return tuple(found.values())


@lru_cache(maxsize=1024)
def _pieces(text: str) -> tuple[tuple[str, str], ...]:
    """`text` as (what stands before, name behind the backslash) pairs; the last has no name."""
    parts = re.split(r"\\(\(\)|@|[A-Za-z_.$][\w.$]*)", text)
    return tuple(zip(parts[::2], [*parts[1::2], ""], strict=True))


def substitute(text: str, values: Mapping[str, str]) -> str:
    r"""`text` with `\name` replaced; `\()` separates and vanishes; a name that is no parameter stays."""
    if "\\" not in text:
        return text
    values = {**values, "()": "", "": ""}
    return "".join([before + values.get(name, "\\" + name) for before, name in _pieces(text)])


def instantiate(
    body: Sequence[Statement], values: Mapping[str, str], wrap: Callable[[Statement, str], Sequence[Statement]]
) -> list[Statement]:
    """The statements of `body` with arguments put in; `wrap` makes the new ones out of an old one and its text."""
    return [new for statement in body for new in wrap(statement, substitute(statement.text, values))]

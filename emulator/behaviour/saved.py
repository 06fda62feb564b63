# SPDX-License-Identifier: GPL-2.0-only
"""A document of `check --format json` as two of them are compared: read from a file that anybody may have written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import TypeVar

from emulator.errors import InputError, Place
from emulator.source import read_source

SCHEMA = "mcount-emulator/check/1"
LIMIT = 64 << 20
"""The largest document that is read, in bytes; one of all variants of an architecture has about one million."""
DEPTH = 3
"""How deep facts are nested: callback arguments are."""
LONGEST = 400
"""Characters of one fact that are kept."""

Facts = dict[str, str]
"""{section.name: what it is}, in the order of the document."""
KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a string"}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Path:
    """One exercise: facts of itself, of each passage of a site, and of each run through return_to_handler."""

    title: str
    own: Facts = field(default_factory=dict)
    passages: dict[str, Facts] = field(default_factory=dict)
    returns: dict[str, Facts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """One variant of one document. `paths` is None where no kernel could be made of it."""

    arch: str
    release: str
    variant: str
    source: str
    verdicts: dict[str, str]
    """{clause with its title: its verdict, with what is wrong}."""
    paths: dict[str, Path] | None

    @property
    def name(self) -> str:
        """Architecture and variant."""
        return f"{self.arch} {self.variant}"


def read(file: File) -> list[Side]:
    """The variants of a saved document. Raises InputError for one that cannot be read, or of another schema."""
    text = read_source(file, LIMIT)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON document: {error}", Place(str(file))) from error
    return sides(document, str(file))


def sides(document: object, name: str) -> list[Side]:
    """The variants of a document. Raises InputError with the place in it that is not as it should be."""
    top = _Part(document, Place(name), "")
    schema = top.value.get("schema") if isinstance(top.value, dict) else None
    if schema != SCHEMA:
        found = f"the schema {_printable(schema)!r}" if isinstance(schema, str) else "no schema"
        raise InputError(f"has {found}: what can be compared is {SCHEMA!r}", Place(name))
    return [_side(part) for part in top.get("variants").items()]


class _Part:
    """A value of a document, with its place there."""

    def __init__(self, value: object, file: Place, at: str) -> None:
        self.value, self._file, self._at = value, file, at

    def get(self, key: str) -> _Part:
        """A member of an object."""
        value = self.expect(dict)
        if key not in value:
            raise self.wrong(f"lacks {key!r}")
        return self.maybe(key)

    def maybe(self, key: str) -> _Part:
        """A member of an object, None where it is not there."""
        return _Part(self.expect(dict).get(key), self._file, f"{self._at}.{_printable(key)}".lstrip("."))

    def items(self) -> Iterator[_Part]:
        """The elements of a list."""
        for index, value in enumerate(self.expect(list)):
            yield _Part(value, self._file, f"{self._at}[{index}]")

    def members(self) -> Iterator[tuple[str, _Part]]:
        """The members of an object."""
        for key in self.expect(dict):
            yield _printable(key), self.maybe(key)

    def text(self) -> str:
        """A string, fit for a terminal."""
        return _printable(self.expect(str))

    def expect(self, kind: type[T]) -> T:
        """The value, which is of a kind. Raises InputError."""
        if not isinstance(self.value, kind):
            raise self.wrong(f"is not {KINDS[kind]}")
        return self.value

    def wrong(self, what: str) -> InputError:
        """The error that names the place."""
        return InputError(f"{self._at or 'the document'} {what}", self._file)


def _side(part: _Part) -> Side:
    arch, release, variant, source = (part.get(name).text() for name in ("arch", "release", "variant", "source"))
    verdicts = dict(_verdict(clause) for clause in part.get("clauses").items())
    behaviour = part.get("behaviour")
    paths = None if behaviour.value is None else dict(_paths(behaviour.get("paths")))
    return Side(arch, release, variant, source, verdicts, paths)


def _verdict(part: _Part) -> tuple[str, str]:
    findings = [(finding.get("what").text(), finding.get("verdict").text()) for finding in part.get("findings").items()]
    wrong = [what for what, found in findings if found != "PASS"]
    verdict = part.get("verdict").text()
    told = f"{verdict} ({', '.join(sorted(set(wrong)))})" if wrong else verdict
    return f"{part.get('id').text()} {part.get('title').text()}", told


def _paths(part: _Part) -> Iterator[tuple[str, Path]]:
    for name, path in part.members():
        own = {key: path.maybe(key).text() for key in ("refused", "ends") if path.maybe(key).value is not None}
        passages, returns = (
            {label: _facts(facts) for label, facts in path.get(kind).members()} for kind in ("passages", "returns")
        )
        yield name, Path(path.get("title").text(), own, passages, returns)


def _facts(part: _Part) -> Facts:
    return dict(_flat(part, "", DEPTH))


def _flat(part: _Part, prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every fact by its whole name; a list is one fact."""
    for key, inner in part.members():
        name = f"{prefix}{key}"
        match inner.value:
            case Mapping() if depth > 1:
                yield from _flat(inner, f"{name}.", depth - 1)
            case list():
                yield name, ", ".join(item.text() for item in inner.items())[:LONGEST]
            case bool() | int() | str():
                yield name, _printable(str(inner.value))[:LONGEST]
            case _:
                raise inner.wrong("is no fact")


def _printable(text: str) -> str:
    """The text without what would steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)

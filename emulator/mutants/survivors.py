# SPDX-License-Identifier: GPL-2.0-only
"""Mutants that are known to survive, in files beside the trampolines, each with the reason why it is equivalent.

A line: variants | where | operator | old -> new | reason. Several variants, or places, have commas between them; a `*`
stands for anything. Where is symbol+0xoffset, old and new are as a disassembler says them. The operator `unreached` is
for instructions that no exercise comes to. Lines that begin with # or // and empty ones do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from emulator import catalog
from emulator.description import Arch
from emulator.errors import InputError
from emulator.errors import Place as Position
from emulator.mutants.field import Operator
from emulator.regular import is_file
from emulator.source import read_source

SUFFIX = ".survivors"
UNREACHED = "unreached"
OPERATORS = frozenset({UNREACHED, "*", *(operator.value for operator in Operator)})


class Known(NamedTuple):
    """One line of such a file, whose source is `source`; the first four are patterns."""

    variants: str
    where: str
    operator: str
    change: str
    reason: str
    source: str
    position: Position

    def about(self, variant: str) -> bool:
        """Whether it is about that variant."""
        return _fits_one(self.variants, variant)

    def covers(self, variant: str, where: str, operator: str, change: str, source: str) -> bool:
        """Whether a mutant is one of those meant."""
        found = _fits(self.operator, operator) and _fits(self.change, change) and _fits_one(self.where, where)
        return found and self.about(variant) and Path(source).name == self.source


def read(path: Path) -> Iterator[Known]:
    """The lines of a file. Raises InputError, with the line, for one that is none."""
    for number, text in enumerate(read_source(path).splitlines(), 1):
        position = Position(str(path), number)
        if text.strip() and not text.startswith(("#", "//")):
            yield _line(text, path.stem + ".S", position)


def _line(text: str, source: str, position: Position) -> Known:
    fields = [field.strip() for field in text.split(" | ")]
    if len(fields) != 5 or not all(fields):
        raise InputError("expected: variants | symbol+offset | operator | old -> new | reason", position)
    if fields[2] not in OPERATORS:
        raise InputError(f"unknown operator {fields[2]!r} (known: {', '.join(sorted(OPERATORS))})", position)
    variants, where, operator, change, reason = fields
    return Known(variants, where, operator, change, reason, source, position)


def known(arch: Arch, source: Path | None = None) -> list[Known]:
    """What stands beside the trampolines of an architecture, and beside a user's source. Raises InputError."""
    paths = sorted(catalog.trampolines(arch).glob(f"*{SUFFIX}"))
    if source and is_file(source.with_suffix(SUFFIX)):
        paths.append(source.with_suffix(SUFFIX))
    return [line for path in paths for line in read(path)]


def find(lines: Iterable[Known], variant: str, where: str, operator: str, change: str, source: str) -> Known | None:
    """The first line that covers a mutant."""
    return next((line for line in lines if line.covers(variant, where, operator, change, source)), None)


def _fits(pattern: str, text: str) -> bool:
    """As fnmatch, but for brackets and question marks, which are everyday signs in assembler."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def _fits_one(patterns: str, text: str) -> bool:
    return any(_fits(pattern.strip(), text) for pattern in patterns.split(","))

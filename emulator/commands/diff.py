# SPDX-License-Identifier: GPL-2.0-only
"""diff: what changed in behaviour between two subjects, or two saved documents of check."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from emulator import catalog
from emulator.behaviour import behaviour
from emulator.behaviour.changes import compare
from emulator.behaviour.saved import Side, read, sides
from emulator.checks.account import account
from emulator.checks.judge import judge
from emulator.checks.verdicts import Question, report
from emulator.choice import Choice
from emulator.cli import BAD, GOOD, NOTHING
from emulator.commands import choose
from emulator.commands.answer import answer
from emulator.description import Arch
from emulator.errors import UnknownName, UsageError
from emulator.regular import is_file
from emulator.report import diff, findings
from emulator.report.lines import line
from emulator.subject import Subject, load, select

SHOWN = 3
"""Variants that a message lists."""


def run(options: argparse.Namespace) -> int:
    """Print the changes; BAD where there are any, NOTHING where the operands have no variant to be compared."""
    old, new = (_operand(text, options) for text in (options.old, options.new))
    compared = _compared(old, new)
    text = diff.render(compared) if compared.differences else [line(_nothing(old, new))]
    answer(options, lambda: diff.document(compared), lambda: text)
    if not compared.differences:
        return NOTHING
    return BAD if compared else GOOD


def _nothing(old: Sequence[Side], new: Sequence[Side]) -> str:
    told = [", ".join(side.name for side in part[:SHOWN]) or "no variant" for part in (old, new)]
    return f"nothing to compare: OLD has {told[0]}, NEW has {told[1]}"


# -- operands ---------------------------------------------------------------------------------------------------------


def _operand(text: str, options: argparse.Namespace) -> list[Side]:
    """A source, an object, an image, a saved document, or ARCH:VARIANT of ours. Raises UsageError, InputError."""
    file = Path(text)
    choice = choose.operand(options, file)
    if choice.loader:
        return [_code(choice, choice.loader.arch, options)]
    if file.suffix == ".json" or is_file(file):
        return read(file)
    try:
        return [_ours(text, options)]
    except UnknownName as error:
        raise UsageError(
            f"{text}: neither a .S or .o, nor an image, nor a saved document, nor ARCH:VARIANT: {error}"
        ) from error


def _code(choice: Choice, likely: Arch | None, options: argparse.Namespace) -> Side:
    arch = catalog.find(options.arch) if options.arch else likely or catalog.host()
    (subject,) = choice.load(arch, [choice.variant(arch, options.variant)])
    return side(subject, options.seed)


def _ours(text: str, options: argparse.Namespace) -> Side:
    """ARCH, or ARCH:VARIANT; without a variant that of the options, or the newest."""
    name, _, variant = text.partition(":")
    arch = catalog.find(name)
    chosen = select(arch, None, variant) if variant else select(arch, options.release, options.variant)
    (subject,) = load(arch, [chosen], assembler=options.assembler)
    return side(subject, options.seed)


def side(subject: Subject, seed: int) -> Side:
    """What `check` would write of a subject. Raises InputError where no kernel can be made of it."""
    verdicts = report(subject, account(judge(subject, [seed])), Question((seed,)))
    data = findings.document([verdicts._replace(behaviour=behaviour(subject))])
    (told,) = sides(data, subject.origin)
    return told


# -- pairs ------------------------------------------------------------------------------------------------------------


def _compared(old: Sequence[Side], new: Sequence[Side]) -> diff.Compared:
    """Variants of the same name; two that stand alone are compared whatever their names are."""
    if len(old) == len(new) == 1:
        same = old[0].arch == new[0].arch
        return diff.Compared([compare(old[0], new[0])] if same else [])
    was, now = ({(side.arch, side.variant): side for side in part} for part in (old, new))
    pairs = [compare(side, now[key]) for key, side in was.items() if key in now]
    gone = [side for key, side in was.items() if key not in now]
    come = [side for key, side in now.items() if key not in was]
    return diff.Compared(pairs, gone if len(new) > 1 else (), come if len(old) > 1 else ())

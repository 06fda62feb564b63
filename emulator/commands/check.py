# SPDX-License-Identifier: GPL-2.0-only
"""check: hold variants, or a user's trampolines, to the contract."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from emulator.cli import BAD, GOOD, NOTHING, colour, write
from emulator.commands import choose
from emulator.commands.progress import Progress
from emulator.errors import InputError, UsageError
from emulator.regular import is_folder

if TYPE_CHECKING:
    from emulator.checks.verdicts import Question, Report

SEEDS = 2
"""How many are tried unless said otherwise: what is in the registers and on the stack differs between any two."""
MOST_SEEDS = 1_000_000


def run(options: argparse.Namespace) -> int:
    """Print the verdicts; BAD where one is, NOTHING where no clause could be asked of anything."""
    _expect_writable(options)
    seeds = _seeds(options)
    choose.start_assembler(options)
    reports = _reports(options, _question(options, seeds))
    write(options, RENDERERS[options.format](options, reports).encode(errors="backslashreplace").decode())
    return _exit_code(reports)


# -- what is asked -----------------------------------------------------------------------------------------------------


def _expect_writable(options: argparse.Namespace) -> None:
    """Raises InputError now, and not after a long run, for a file that there is no place for."""
    output = options.output
    if output and (is_folder(output) or not is_folder(output.parent)):
        raise InputError(f"{output}: cannot be written: {'is' if is_folder(output) else 'not in'} a directory")


def _seeds(options: argparse.Namespace) -> range:
    """One where one is named, else a few. Raises UsageError."""
    first = 1 if options.seed is None else options.seed
    many = (SEEDS if options.seed is None else 1) if options.seeds is None else options.seeds
    if not 1 <= many <= MOST_SEEDS:
        raise UsageError(f"--seeds {many}: it takes 1 to {MOST_SEEDS}")
    choose.jobs(options)
    return range(first, first + many)


def _question(options: argparse.Namespace, seeds: range) -> Question:
    from emulator.checks.allowance import Allowance  # noqa: PLC0415 - loads the engines, as the assembler's child does
    from emulator.checks.clause import find  # noqa: PLC0415
    from emulator.checks.exercises import named  # noqa: PLC0415
    from emulator.checks.verdicts import Question  # noqa: PLC0415

    return Question(
        seeds,
        tuple(find(name) for name in options.clause),
        tuple(named(name) for name in options.scenario),
        tuple(Allowance.parse(text) for text in options.allow),
        options.assembler,
    )


# -- what is answered --------------------------------------------------------------------------------------------------


def _reports(options: argparse.Namespace, question: Question) -> list[Report]:
    from emulator.checks.account import total  # noqa: PLC0415
    from emulator.checks.campaign import orders, run  # noqa: PLC0415
    from emulator.checks.verdicts import report  # noqa: PLC0415

    describe = options.format == "json"
    work = [
        (subject, orders(subject, question.seeds, question.exercises, describe=describe))
        for subject in choose.Chosen(options).subjects()
    ]
    every = [order for _, shares in work for order in shares]
    with Progress(len(every)) as progress:
        accounts = progress.over(run(every, options.jobs))
        return [report(subject, total(islice(accounts, len(shares))), question) for subject, shares in work]


def _text(options: argparse.Namespace, reports: Sequence[Report]) -> str:
    from emulator.report.findings import render  # noqa: PLC0415 - of the renderers one is needed
    from emulator.report.lines import coloured, plain  # noqa: PLC0415

    return coloured(render(reports)) if colour(options) else plain(render(reports))


def _json(_options: argparse.Namespace, reports: Sequence[Report]) -> str:
    from emulator.report.findings import document  # noqa: PLC0415

    return json.dumps(document(reports), indent=1) + "\n"


def _ktap(_options: argparse.Namespace, reports: Sequence[Report]) -> str:
    from emulator.report import ktap  # noqa: PLC0415

    return ktap.render(reports)


def _junit(_options: argparse.Namespace, reports: Sequence[Report]) -> str:
    from emulator.report import junit  # noqa: PLC0415

    return junit.render(reports)


def _github(_options: argparse.Namespace, reports: Sequence[Report]) -> str:
    from emulator.report import github  # noqa: PLC0415

    return github.render(reports)


RENDERERS: dict[str, Callable[[argparse.Namespace, Sequence[Report]], str]] = {
    "text": _text,
    "json": _json,
    "ktap": _ktap,
    "junit": _junit,
    "github": _github,
}


def _exit_code(reports: Sequence[Report]) -> int:
    from emulator.checks.finding import Verdict  # noqa: PLC0415

    verdicts = {row.verdict for report in reports for row in report.rows}
    if any(verdict.bad for verdict in verdicts):
        return BAD
    return GOOD if verdicts & {Verdict.PASS, Verdict.XFAIL} else NOTHING

# SPDX-License-Identifier: GPL-2.0-only
"""selftest: run the kernel's own tests through a variant's trampolines, or through a user's."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from emulator.cli import BAD, GOOD, NOTHING
from emulator.commands import choose
from emulator.commands.answer import answer
from emulator.description import Variant
from emulator.errors import UnknownName
from emulator.selftest import CASES, Case, Suite, Verdict, report
from emulator.selftest import run as judge_all


def run(options: argparse.Namespace) -> int:
    """Print the verdicts; BAD where a test failed, NOTHING where none could be run."""
    chosen = choose.Chosen(options)
    cases = _cases(options.case)
    subjects = chosen.load(chosen.arch, _variants(chosen, options))
    suites = [judge_all(subject, cases, options.seed) for subject in subjects]
    answer(options, lambda: report.document(suites), lambda: report.render(suites))
    return _exit_code(suites)


def _variants(chosen: choose.Chosen, options: argparse.Namespace) -> list[Variant]:
    """The one that is named or that a source is for; else all of the release, or of all, that real kernels have had."""
    if options.variant or chosen.brought:
        return [chosen.variant(chosen.arch)]
    return [item for item in chosen.variants(chosen.arch) if not item.synthetic]


def _cases(names: Sequence[str]) -> list[Case]:
    known = {case.name: case for case in CASES}
    for name in names:
        if name not in known:
            raise UnknownName("case", name, known)
    return [case for case in CASES if not names or case.name in names]


def _exit_code(suites: Sequence[Suite]) -> int:
    verdicts = {judged.verdict for suite in suites for judged in suite.judged}
    if Verdict.FAIL in verdicts:
        return BAD
    return GOOD if verdicts - {Verdict.UNSUPPORTED} else NOTHING

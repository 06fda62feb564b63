# SPDX-License-Identifier: GPL-2.0-only
"""mutate: make every one-instruction mutant of a trampoline, and see which of them the contract catches."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from itertools import islice

from emulator.cli import BAD, GOOD, NOTHING, write
from emulator.commands import choose
from emulator.commands.answer import answer
from emulator.commands.progress import Progress
from emulator.description import Arch
from emulator.errors import UsageError
from emulator.mutants import campaign, survivors
from emulator.mutants.campaign import Campaign, Plan
from emulator.mutants.survivors import Known
from emulator.report import mutants as report


def run(options: argparse.Namespace) -> int:
    """Print what became of them; BAD where one survives unexplained, or where an explanation is wrong."""
    _expect(options)
    chosen = choose.Chosen(options)
    archs = chosen.archs
    plans = {arch: _plans(arch, chosen, options) for arch in archs}
    campaigns = _campaigns([plan for arch in archs for plan in plans[arch]], options.jobs)
    unused = [line for arch in archs if not chosen.brought for line in _unused(arch, campaigns)]
    if options.format == "markdown":
        write(options, report.markdown(campaigns))
    else:
        document = partial(report.document, campaigns, options.seed, unused)
        answer(options, document, partial(report.render, campaigns, unused))
    if not any(item.judged for item in campaigns):
        return NOTHING
    return GOOD if all(item.good for item in campaigns) and not unused else BAD


def _expect(options: argparse.Namespace) -> None:
    """Raises UsageError."""
    if options.sample is not None and options.sample < 1:
        raise UsageError(f"--sample {options.sample}: at least one mutant is needed")
    choose.jobs(options)


def _plans(arch: Arch, chosen: choose.Chosen, options: argparse.Namespace) -> list[Plan]:
    lines = survivors.known(arch, chosen.brought)
    subjects = chosen.load(arch, chosen.variants(arch))
    return [Plan(subject, lines, options.seed, options.sample) for subject in subjects]


def _unused(arch: Arch, campaigns: Sequence[Campaign]) -> list[Known]:
    """Explanations of nothing; those of our own trampolines are not asked when a user's takes their place."""
    return campaign.unused(survivors.known(arch), [item for item in campaigns if item.subject.arch is arch])


def _campaigns(plans: Sequence[Plan], jobs: int) -> list[Campaign]:
    """All campaigns, whose work is done by the same processes."""
    with Progress(sum(len(plan.shares) for plan in plans)) as progress:
        fates = progress.over(campaign.run(plans, jobs))
        return [plan.campaign(fate for share in islice(fates, len(plan.shares)) for fate in share) for plan in plans]

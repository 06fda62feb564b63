# SPDX-License-Identifier: GPL-2.0-only
"""Every mutant of a subject, or a sample of them, before the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from emulator import workers
from emulator.mutants import survivors
from emulator.mutants.operators import Mutant, Place, mutants, places
from emulator.mutants.survivors import UNREACHED, Known
from emulator.mutants.trial import Fate, Trial, trial
from emulator.subject import Subject

SHARE = 16
"""Mutants that are judged together: few enough for progress, many enough to be worth sending."""


class Share(NamedTuple):
    """Some mutants of one subject."""

    trial: Trial
    mutants: tuple[Mutant, ...]


class Judged(NamedTuple):
    """A mutant, what became of it, and for a survivor the line that knows it."""

    mutant: Mutant
    fate: Fate
    known: Known | None = None

    @property
    def unexplained(self) -> bool:
        """A survivor that nobody has explained, or one that we could not judge."""
        return not self.fate.caught and (self.known is None or bool(self.fate.what))


@dataclass(slots=True)
class Campaign:
    """What became of the mutants of one subject."""

    subject: Subject
    total: int
    """How many mutants there are, of which `judged` may be a sample."""
    judged: list[Judged]
    unreached: list[tuple[Place, Known | None]]
    """Instructions that no exercise comes to, with the line that knows them: their mutants are not judged."""
    outdated: list[tuple[Known, Mutant]]
    """Lines that know a mutant as a survivor that was caught."""

    @property
    def whole(self) -> bool:
        """Whether every mutant has been judged."""
        return len(self.judged) == self.total

    @property
    def used(self) -> set[Known]:
        """The lines that explain something."""
        lines = {item.known for item in self.judged} | {line for _, line in self.unreached}
        return {line for line in lines if line is not None}

    @property
    def unexplained(self) -> list[Judged]:
        """The survivors that nobody has explained."""
        return [judged for judged in self.judged if judged.unexplained]

    @property
    def good(self) -> bool:
        """Whether everything that was not caught is explained, and nothing else is."""
        missing = any(known is None for _, known in self.unreached)
        return not (self.unexplained or missing or self.outdated)


class Plan:
    """The work for one subject: which mutants, and what is known of them. Raises InputError, UsageError."""

    def __init__(self, subject: Subject, lines: Sequence[Known], seed: int = 1, sample: int | None = None) -> None:
        self.subject, self._lines = subject, lines
        self._trial = trial(subject, seed)
        reached = self._trial.reached
        self._unreached = [place for place in places(subject) if place.address not in reached]
        every = [mutant for mutant in mutants(subject) if mutant.place.address in reached]
        self._total = len(every)
        self.chosen = every if sample is None else _sample(every, seed, sample)

    @property
    def shares(self) -> list[Share]:
        """The work."""
        starts = range(0, len(self.chosen), SHARE)
        return [Share(self._trial, tuple(self.chosen[start : start + SHARE])) for start in starts]

    def campaign(self, fates: Iterable[Fate]) -> Campaign:
        """What has come of it, from the fates of the chosen mutants."""
        judged, outdated = [], []
        for mutant, fate in zip(self.chosen, fates, strict=True):
            line = self.line(mutant)
            judged.append(Judged(mutant, fate, None if fate.caught else line))
            if fate.caught and line:
                outdated.append((line, mutant))
        unreached = [(place, self._known(place, UNREACHED, place.text)) for place in self._unreached]
        return Campaign(self.subject, self._total, judged, unreached, outdated)

    def line(self, mutant: Mutant) -> Known | None:
        """The line that lists a mutant."""
        return self._known(mutant.place, mutant.operator.value, f"{mutant.place.text} -> {mutant.text}")

    def _known(self, place: Place, operator: str, change: str) -> Known | None:
        return survivors.find(self._lines, self.subject.variant.name, place.where, operator, change, place.file)


def _sample(every: Sequence[Mutant], seed: int, count: int) -> list[Mutant]:
    """So many of them, drawn by the seed, in their order."""
    numbers = sorted(Random(f"mutants {seed}").sample(range(len(every)), min(count, len(every))))
    return [every[number] for number in numbers]


def perform(share: Share) -> list[Fate]:
    """The fates of a share's mutants."""
    return [share.trial.fate(mutant) for mutant in share.mutants]


def run(plans: Sequence[Plan], jobs: int) -> Iterator[list[Fate]]:
    """The fates, share by share, in the order of the plans. Raises RunError where a process dies."""
    yield from workers.mapped(perform, [share for plan in plans for share in plan.shares], jobs)


def unused(lines: Iterable[Known], campaigns: Iterable[Campaign]) -> list[Known]:
    """Lines about one architecture that explain nothing, though all mutants that they could were judged."""
    judged = [campaign for campaign in campaigns if campaign.whole]
    if not judged:
        return []
    names, used = {item.subject.variant.name for item in judged}, set().union(*(item.used for item in judged))
    every = {variant.name for variant in judged[0].subject.arch.variants}
    return [line for line in lines if line not in used and {name for name in every if line.about(name)} <= names]

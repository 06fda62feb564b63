# SPDX-License-Identifier: GPL-2.0-only
"""One mutant before the contract: which clause catches it first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from emulator.checks.clause import CLAUSES
from emulator.checks.exercises import EXERCISES, Exercise
from emulator.checks.exercises.transitions import Transition
from emulator.checks.judge import Judgement, judge
from emulator.checks.rig import Rig
from emulator.errors import EmulatorError, FtraceError, InputError
from emulator.mutants.operators import Mutant
from emulator.subject import Subject

REFUSED, UNRESOLVED = "refused", "unresolved"
"""What catches a mutant before any clause: the kernel, which wants other bytes; a run that comes to no end."""
SEEDS = 2
"""How many numbers a survivor has survived."""


class Fate(NamedTuple):
    """What became of a mutant: the clause that caught it, or REFUSED, UNRESOLVED; "" for a survivor."""

    caught: str = ""
    exercise: str = ""
    what: str = ""


class Trial(NamedTuple):
    """A subject, and which of its instructions each exercise comes to; in a form that another process can be sent."""

    subject: Subject
    """The unchanged one."""
    ran: Mapping[str, frozenset[int]]
    refused: frozenset[str]
    """The exercises that the kernel refuses anyway."""
    quirks: Mapping[str, frozenset[tuple[str, str]]]
    """The known faults of the release that each exercise shows: a clause, and what it finds. They have to be there."""
    seeds: tuple[int, ...]

    @property
    def reached(self) -> frozenset[int]:
        """The addresses of all instructions that any exercise comes to."""
        return frozenset().union(*self.ran.values())

    def fate(self, mutant: Mutant) -> Fate:
        """Judge one mutant by the exercises that come to its instruction, the calm ones first."""
        altered = mutant.apply(self.subject)
        exercises = [EXERCISES[name] for name, ran in self.ran.items() if mutant.place.address in ran]
        try:
            return next(self._fates(altered, exercises), Fate())
        except InputError as refusal:
            return Fate(REFUSED, what=str(refusal))
        except EmulatorError as error:
            return Fate(UNRESOLVED, what=str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours: it is told, and the others are judged all the same
            return Fate(what=f"internal error: {type(error).__name__}: {error}")

    def _fates(self, altered: Subject, exercises: Sequence[Exercise]) -> Iterator[Fate]:
        for seed, disturb in [*((seed, False) for seed in self.seeds), (self.seeds[0], True)]:
            for exercise in exercises:
                judgement = judge(altered, [seed], exercises=[exercise], disturb=disturb, events=False)
                if fate := self._caught(judgement, exercise.name):
                    yield fate

    def _caught(self, judgement: Judgement, exercise: str) -> Fate | None:
        for clause in CLAUSES:
            wrong = judgement.seen[clause].wrong if clause in judgement.seen else {}
            if wrong:
                return Fate(clause, exercise, next(iter(wrong)))
        for clause, what in sorted(self.quirks[exercise] - _quirks(judgement)):
            return Fate(clause, exercise, f"{what}, a fault of the release, is gone")
        if exercise in judgement.refused and exercise not in self.refused:
            return Fate(REFUSED, exercise, str(judgement.refused[exercise]))
        if exercise in judgement.unresolved:
            return Fate(UNRESOLVED, exercise, str(judgement.unresolved[exercise]))
        return None


def trial(subject: Subject, seed: int) -> Trial:
    """Do every exercise once, and note where it comes by. Raises InputError where no kernel can be made."""
    ran, refused, quirks = {}, set(), {}
    for exercise in EXERCISES.values():
        if exercise.possible(subject.variant) and not isinstance(exercise, Transition):
            ran[exercise.name], possible = _ran(subject, exercise, seed)
            refused |= set() if possible else {exercise.name}
            quirks[exercise.name] = _quirks(judge(subject, [seed], exercises=[exercise], disturb=False, events=False))
    return Trial(subject, ran, frozenset(refused), quirks, tuple(range(seed, seed + SEEDS)))


def _quirks(judgement: Judgement) -> frozenset[tuple[str, str]]:
    return frozenset((clause, what) for clause, seen in judgement.seen.items() for what in seen.known)


def _ran(subject: Subject, exercise: Exercise, seed: int) -> tuple[frozenset[int], bool]:
    """The addresses that an exercise comes to, a copy's as its original's; and whether the kernel did all of it."""
    rig, possible = Rig(subject, seed), True
    try:
        exercise.run(rig)
    except FtraceError:
        possible = False
    symbols = rig.lab.image.symbols
    shapes = [recording.shape for recording in rig.recordings if recording.shape]
    return frozenset(symbols.original(pc) for shape in shapes for pc in set(shape.pcs)), possible

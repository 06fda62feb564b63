# SPDX-License-Identifier: GPL-2.0-only
"""The contract as a whole: every exercise is done, and every clause is asked of every passage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from emulator.checks import branches, callbacks, graph, stop, text, transparency, unwind, writeback
from emulator.checks.clause import CLAUSES, Clause
from emulator.checks.exercises import EXERCISES, Exercise
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.checks.rig import Rig
from emulator.description import Quirk, Variant
from emulator.errors import FtraceError, RunError
from emulator.recording import Recording
from emulator.subject import Subject

MODULES = (transparency, callbacks, writeback, graph, unwind, text, branches, stop)
"""Where the clauses are, in the order of their ids' letters."""


class Wrong(NamedTuple):
    """A violation, and where it was seen first."""

    exercise: str
    seed: int
    passage: Passage
    violation: Violation
    quirk: Quirk | None = None


@dataclass(slots=True)
class Seen:
    """What became of one clause over all exercises: how often it was asked, and what it found wrong, once each."""

    asked: int = 0
    wrong: dict[str, Wrong] = field(default_factory=dict)
    """{what: the first such violation}."""
    known: dict[str, Wrong] = field(default_factory=dict)
    """The same for what the release is known for."""


@dataclass(slots=True)
class Judgement:
    """Everything seen of one subject."""

    subject: Subject
    seen: dict[str, Seen]
    refused: dict[str, FtraceError] = field(default_factory=dict)
    """{exercise: why the kernel would not do it}."""
    unresolved: dict[str, Exception] = field(default_factory=dict)
    """{exercise: what ended it before anything could be judged}."""


def judge(
    subject: Subject,
    seeds: Iterable[int],
    *,
    exercises: Sequence[Exercise] = (),
    clauses: Sequence[Clause] = (),
    disturb: bool = True,
    until_wrong: bool = False,
) -> Judgement:
    """Do the exercises that the variant has, with each seed; `until_wrong` ends at the first violation.

    Raises InputError for a subject of which no kernel can be made.
    """
    variant = subject.variant
    asked = [clause for clause in clauses or CLAUSES.values() if clause.asked_of(variant)]
    judgement = Judgement(subject, {clause.id: Seen() for clause in asked})
    for seed in seeds:
        for exercise in exercises or EXERCISES.values():
            if exercise.possible(variant):
                _judge(judgement, exercise, seed, asked, disturb=disturb)
                if until_wrong and any(seen.wrong for seen in judgement.seen.values()):
                    return judgement
    return judgement


def _judge(judgement: Judgement, exercise: Exercise, seed: int, asked: Sequence[Clause], *, disturb: bool) -> None:
    rig = Rig(judgement.subject, seed)
    if not _do(judgement, exercise, rig):
        return
    found = [(passage, clause, list(wrong)) for passage, clause, wrong in ask(rig.recordings, asked)]
    for passage, clause, wrong in found:
        seen = judgement.seen[clause.id]
        seen.asked += 1
        for violation in wrong:
            _note(seen, clause.id, Wrong(exercise.name, seed, passage, violation))
    if disturb and "U3" in judgement.seen:
        _disturb(judgement, exercise, seed, asked)


def _disturb(judgement: Judgement, exercise: Exercise, seed: int, asked: Sequence[Clause]) -> None:
    """Once more, with somebody writing below sp all the time; what is wrong only then is U3's."""
    rig, seen = Rig(judgement.subject, seed, disturbed=True), judgement.seen["U3"]
    if not _do(judgement, exercise, rig):
        return
    seen.asked += 1
    for passage, clause, wrong in ask(rig.recordings, asked):
        calm = judgement.seen[clause.id]
        for violation in wrong:
            if violation.what not in calm.wrong and violation.what not in calm.known:
                told = violation._replace(what=f"{clause.id} {violation.what}")
                _note(seen, "U3", Wrong(exercise.name, seed, passage, told))


def _note(seen: Seen, clause: str, wrong: Wrong) -> None:
    quirk = quirk_of(wrong.passage.variant, clause, wrong.violation.what, wrong.exercise)
    (seen.known if quirk else seen.wrong).setdefault(wrong.violation.what, wrong._replace(quirk=quirk))


def quirk_of(variant: Variant, clause: str, what: str, exercise: str) -> Quirk | None:
    """The quirk of the release that a violation is, or None."""
    for quirk in variant.quirks:
        if (quirk.clause, quirk.what) == (clause, what) and fnmatchcase(exercise, quirk.exercises):
            return quirk
    return None


def _do(judgement: Judgement, exercise: Exercise, rig: Rig) -> bool:
    """Do an exercise; what the kernel refuses, or what leads nowhere, is noted."""
    try:
        exercise.run(rig)
    except FtraceError as refusal:
        judgement.refused[exercise.name] = refusal
    except (RunError, IndexError, AssertionError) as error:
        judgement.unresolved[exercise.name] = error
    return bool(rig.recordings)


def ask(
    recordings: Iterable[Recording], clauses: Sequence[Clause]
) -> Iterator[tuple[Passage, Clause, Iterable[Violation]]]:
    """Every clause of every passage, where it has something to say."""
    for recording in recordings:
        for hit in recording.hits:
            passage = Passage(recording, hit)
            for clause in clauses:
                wrong = clause.check(passage)
                if wrong is not None:
                    yield passage, clause, wrong

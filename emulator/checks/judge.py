# SPDX-License-Identifier: GPL-2.0-only
"""The contract as a whole: every exercise is done, and every clause is asked of every passage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from emulator.checks import branches, callbacks, graph, states, stop, text, transparency, unwind, writeback
from emulator.checks import events as events_of
from emulator.checks.clause import CLAUSES, Clause
from emulator.checks.exercises import EXERCISES, Exercise
from emulator.checks.exercises.transitions import Transition
from emulator.checks.finding import Violation
from emulator.checks.passage import MOST, Passage
from emulator.checks.rig import Rig
from emulator.description import Quirk, Variant
from emulator.errors import EmulatorError, FtraceError
from emulator.recording import Recording
from emulator.subject import Subject

MODULES = (transparency, callbacks, writeback, graph, unwind, text, states, branches, stop)
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
    events: bool = True,
    until_wrong: bool = False,
) -> Judgement:
    """Do the exercises that the variant has, with each seed; `until_wrong` ends at the first violation.

    With the first seed each way through trampolines is taken once more, with `disturb` while somebody writes below sp
    all the time, with `events` while interrupts come where it has left the ways before: what then goes wrong does so
    with any seed. With `events` code is changed under the feet of passages, too (the exercises that are a Transition;
    without, they are not done).

    Raises InputError for a subject of which no kernel can be made.
    """
    variant = subject.variant
    asked = [clause for clause in clauses or CLAUSES.values() if clause.asked_of(variant)]
    judgement = Judgement(subject, {clause.id: Seen() for clause in asked})
    for number, seed in enumerate(seeds):
        harder = Harder(disturb=disturb, events=events) if number == 0 else Harder(disturb=False, events=False)
        for exercise in exercises or EXERCISES.values():
            if exercise.possible(variant) and (harder.events or not isinstance(exercise, Transition)):
                _judge(judgement, exercise, seed, asked, harder)
                if until_wrong and any(seen.wrong for seen in judgement.seen.values()):
                    return judgement
    return judgement


@dataclass(slots=True)
class Harder:
    """What is done to the exercises besides, and the ways through trampolines to which it has been done already."""

    disturb: bool
    events: bool
    paths: set[events_of.Path] = field(default_factory=set)

    def calls(self, rig: Rig) -> events_of.Calls:
        """The calls of an exercise that took a way which none took before, each with how far that is known."""
        new: dict[int, int] = {}
        for path, call in events_of.paths(rig):
            if path not in self.paths:
                part = events_of.known_part(path, self.paths)
                new[call] = min(part, new.get(call, part))
                self.paths.add(path)
        return new


def _judge(judgement: Judgement, exercise: Exercise, seed: int, asked: Sequence[Clause], harder: Harder) -> None:
    rig = Rig(judgement.subject, seed)
    interleaving = _interleaving(judgement, exercise, rig)
    done = exercise.by(interleaving.run) if interleaving and isinstance(exercise, Transition) else exercise
    if not _do(judgement, done, rig):
        return
    found = [(passage, clause, list(wrong)) for passage, clause, wrong in ask(rig.recordings, asked)]
    _unexplained(judgement, exercise, rig, {id(passage.recording) for passage, _, wrong in found if wrong})
    if interleaving:
        between = [clause for clause in asked if clause.id in states.ASKED]
        found += [(at, clause, list(clause.check(at) or ())) for at in interleaving.passages for clause in between]
    for passage, clause, wrong in found:
        seen = judgement.seen[clause.id]
        seen.asked += 1
        for violation in wrong:
            _note(seen, clause.id, Wrong(exercise.name, seed, passage, violation))
    if "U3" in judgement.seen and (harder.disturb or harder.events):
        _try_harder(judgement, exercise, rig, seed, asked, harder)


def _interleaving(judgement: Judgement, exercise: Exercise, rig: Rig) -> states.Interleaving | None:
    """Who looks at every passage that goes on while code is changed, if that is asked."""
    wanted = isinstance(exercise, Transition) and any(id_ in judgement.seen for id_ in states.ASKED)
    return states.Interleaving(rig) if wanted else None


def _try_harder(
    judgement: Judgement, exercise: Exercise, rig: Rig, seed: int, asked: Sequence[Clause], harder: Harder
) -> None:
    """Have the stack overwritten, and interrupts come, where that has not been done to the same instructions before."""
    calls = harder.calls(rig)
    if calls and harder.disturb:
        _disturb(judgement, exercise, seed, asked)
    lost = any(recording.outcome for recording in rig.recordings)  # then interrupts would not tell why
    if calls and harder.events and not lost:
        _interrupt(judgement, exercise, seed, asked, calls)


def _unexplained(judgement: Judgement, exercise: Exercise, rig: Rig, told: set[int]) -> None:
    """A run that came to no end, and of which no clause tells, is not to be taken for a good one."""
    for recording in rig.recordings:
        if recording.outcome and id(recording) not in told:
            judgement.unresolved.setdefault(exercise.name, recording.outcome)


def _disturb(judgement: Judgement, exercise: Exercise, seed: int, asked: Sequence[Clause]) -> None:
    """Once more, with somebody writing below sp all the time; what is wrong only then is U3's."""
    rig, seen = Rig(judgement.subject, seed, disturbed=True), judgement.seen["U3"]
    if not _do(judgement, exercise, rig):
        return
    seen.asked += 1
    for passage, clause, wrong in ask(rig.recordings, asked):
        for violation in wrong:
            if not _calm(judgement, clause, violation):
                told = violation._replace(what=f"{clause.id} {violation.what}")
                _note(seen, "U3", Wrong(exercise.name, seed, passage, told))


def _interrupt(
    judgement: Judgement, exercise: Exercise, seed: int, asked: Sequence[Clause], calls: events_of.Calls
) -> None:
    """These calls once more, with interrupts that call a traced function; what is wrong only then is U3's as well."""
    seen = judgement.seen["U3"]

    def make() -> Rig:
        return Rig(judgement.subject, seed)

    rig, addresses = events_of.interrupted(make, exercise, calls)
    seen.asked += 1
    found = [
        wrong
        for wrong in events_of.ask(rig, asked)
        if not _calm(judgement, wrong[1], wrong[2]) and f"{wrong[1].id} {wrong[2].what}" not in seen.wrong
    ]
    wanted = {(clause.id, violation.what) for _, clause, violation in found}
    blamed = events_of.blame(make, exercise, asked, calls, len(addresses), wanted)
    for passage, clause, violation in found:
        address = blamed.get((clause.id, violation.what), violation.address)
        got = f"{violation.got} (an interrupt came to {passage.lab.symbol(address)})" if address else violation.got
        told = violation._replace(what=f"{clause.id} {violation.what}", got=got, address=address)
        _note(seen, "U3", Wrong(exercise.name, seed, passage, told))


def _calm(judgement: Judgement, clause: Clause, violation: Violation) -> bool:
    """Whether it is wrong without any disturbance, too."""
    calm = judgement.seen[clause.id]
    return violation.what in calm.wrong or violation.what in calm.known


def _note(seen: Seen, clause: str, wrong: Wrong) -> None:
    quirk = quirk_of(wrong.passage.variant, clause, wrong.violation, wrong.exercise)
    (seen.known if quirk else seen.wrong).setdefault(wrong.violation.what, wrong._replace(quirk=quirk))


def quirk_of(variant: Variant, clause: str, wrong: Violation, exercise: str) -> Quirk | None:
    """The quirk of the release that a violation is, or None."""
    for quirk in variant.quirks:
        here = fnmatchcase(exercise, quirk.exercises) and fnmatchcase(wrong.got, quirk.got)
        if (quirk.clause, quirk.what) == (clause, wrong.what) and here:
            return quirk
    return None


def _do(judgement: Judgement, exercise: Exercise, rig: Rig) -> bool:
    """Do an exercise; what the kernel refuses, or what leads nowhere, is noted."""
    try:
        exercise.run(rig)
    except FtraceError as refusal:
        if rig.lab.core.bug is None:
            judgement.refused[exercise.name] = refusal
        else:  # patching failed, which a clause will tell of: the kernel lives on, and its functions are called
            rig.call()
    except EmulatorError as error:
        judgement.unresolved[exercise.name] = error
    return bool(rig.recordings)


def ask(
    recordings: Iterable[Recording], clauses: Sequence[Clause]
) -> Iterator[tuple[Passage, Clause, Iterable[Violation]]]:
    """Every clause of every passage, where it has something to say; of the first ones, where there is no end."""
    for recording in recordings:
        for hit in recording.hits[:MOST]:
            passage = Passage(recording, hit)
            for clause in clauses:
                wrong = clause.check(passage)
                if wrong is not None:
                    yield passage, clause, wrong

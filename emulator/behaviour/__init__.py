# SPDX-License-Identifier: GPL-2.0-only
"""The behaviour of a subject as a plain document: what callbacks and traced functions can notice of it, on every path.

Nothing in it depends on the seed or on where things lie: values are named by what they follow. So two documents differ
where two subjects behave differently, and nowhere else.
"""

from __future__ import annotations

import errno
from collections import Counter
from typing import Any

from emulator.behaviour.facts import Records, facts, lost
from emulator.behaviour.returns import returns
from emulator.behaviour.varying import merged
from emulator.checks.exercises import EXERCISES, Exercise
from emulator.checks.exercises.transitions import Transition
from emulator.checks.passage import Passage
from emulator.checks.rig import Rig
from emulator.errors import FtraceError, RunError
from emulator.recording import Recording
from emulator.subject import Subject

Json = dict[str, Any]

SEEDS = (1, 7)
"""Two, so that a fact that depends on the values at hand is found to do so; always the same, because it may."""
MOST = 8
"""Passages of sites that are looked at in one call; a trampoline that goes astray can make thousands."""


def behaviour(subject: Subject) -> Json:
    """{"paths": {exercise: what it showed}} of every exercise that the variant has.

    Those that change code while it runs have nothing to add: what stands before and after has exercises of its own.
    Raises InputError for a subject of which no kernel can be made.
    """
    first, second = (observed(subject, seed, thorough=seed == SEEDS[0]) for seed in SEEDS)
    return {"paths": {name: merged(path, second[name]) for name, path in first.items()}}


def observed(subject: Subject, seed: int, *, thorough: bool = True) -> dict[str, Json]:
    """{exercise: what it showed} with one seed. What only replays can tell is left out unless `thorough`."""
    records = Records() if thorough else None
    every = (exercise for exercise in EXERCISES.values() if not isinstance(exercise, Transition))
    possible = (exercise for exercise in every if exercise.possible(subject.variant))
    return {exercise.name: _path(subject, exercise, seed, records) for exercise in possible}


def _path(subject: Subject, exercise: Exercise, seed: int, records: Records | None) -> Json:
    """{"passages": {function: facts}, "returns": {number: facts}}, with what was refused, or how it ended badly."""
    rig = Rig(subject, seed)
    path: Json = {"title": exercise.title}
    try:
        exercise.run(rig)
    except FtraceError as refusal:
        path["refused"] = f"-{errno.errorcode.get(refusal.args[0], refusal.args[0])}"
    except (RunError, IndexError, AssertionError) as error:
        path["ends"] = f"before anything could be recorded ({type(error).__name__})"
    ends = [lost(recording) for recording in rig.recordings if recording.outcome and _came_through(recording)]
    return path | ({"ends": ends[0]} if ends else {}) | _recorded(rig.recordings, records)


def _came_through(recording: Recording) -> bool:
    """Whether every passage landed: what went wrong then did so behind the sites."""
    return all(hit.landing is not None for hit in recording.hits)


def _recorded(recordings: list[Recording], records: Records | None) -> Json:
    """The facts of each passage and of each return, by the function's name and, from the second on, a number."""
    passages, left, seen = dict[str, Json](), dict[str, Json](), Counter[str]()
    for recording in recordings:
        for hit in recording.hits[:MOST]:
            seen[hit.symbol] += 1
            passages[_numbered(hit.symbol, seen[hit.symbol])] = facts(Passage(recording, hit), records)
        for told in returns(recording)[:MOST] if records is not None else ():
            left[f"return {len(left) + 1}"] = told
    return {"passages": passages, "returns": left}


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"

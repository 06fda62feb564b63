# SPDX-License-Identifier: GPL-2.0-only
"""The contract, as far as a call that is being stepped can be held to it."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.checks.account import of_run
from emulator.checks.clause import CLAUSES, ordered
from emulator.checks.finding import Finding
from emulator.checks.verdicts import findings
from emulator.debugger.timeline import Timeline
from emulator.recording import Recording

CALLBACK = ("C1", "C2", "C3", "C4", "C5", "C6")
"""The clauses about what a callback is passed: they can be judged when it has been called."""


def verdicts(timeline: Timeline) -> Iterator[str]:
    """A line for each clause that can be judged of what has been run, the furthest moment being the last."""
    here = timeline.position
    timeline.go_to(len(timeline.steps))
    try:
        recording = timeline.known()
        with timeline.lab.runner.aside():
            yield from _whole(recording) if timeline.ended else _part(recording)
    finally:
        timeline.go_to(here)


def _whole(recording: Recording) -> Iterator[str]:
    for found in findings(recording):
        what = f"{found.what}: expected {found.expected}, got {found.got}" if found.what else found.reason
        yield f"{found.verdict.value:12} {found.clause} {CLAUSES[found.clause].title:28} {what}".rstrip()


def _part(recording: Recording) -> Iterator[str]:
    """The call is under way: what callbacks were passed, and which clauses have to wait for its return."""
    account = of_run(recording, CALLBACK) if recording.callbacks else None
    for clause in ordered():
        tally = account.tallies.get(clause.id) if account else None
        if tally and tally.asked:
            wrong: list[Finding] = [*tally.wrong.values(), *tally.known.values()]
            for found in wrong:
                yield f"{found.verdict.value:12} {clause.id} {clause.title:28} {found.what}: got {found.got}"
            if not wrong:
                yield f"{'PASS':12} {clause.id} {clause.title}"
    yield "the others are judged when the call has returned"

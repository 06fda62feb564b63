# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of a subject, as plain data: it outlives the kernels, goes from process to process, and adds up."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from emulator.checks.clause import CLAUSES
from emulator.checks.finding import Finding, Verdict, Violation
from emulator.checks.judge import Judgement, Seen, Wrong, ask
from emulator.description import Quirk, Variant
from emulator.errors import InputError
from emulator.lab import Lab
from emulator.recording import Recording
from emulator.subject import Subject

T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """One clause: how often it was asked, and {what: the first such violation}, new and known ones."""

    asked: int = 0
    wrong: dict[str, Finding] = field(default_factory=dict)
    known: dict[str, Finding] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add what was seen later."""
        self.asked += other.asked
        self.wrong = _first(self.wrong, other.wrong)
        self.known = _first(self.known, other.known)


@dataclass(slots=True)
class Account:
    """All clauses, and {exercise: why} of what the kernel refused and of what led to nothing judgeable."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    unresolved: dict[str, Finding] = field(default_factory=dict)
    behaviour: dict[str, Any] | None = None
    """What emulator.behaviour tells of the subject, where it was asked."""

    def add(self, other: Account) -> None:
        """Add what was seen later; of two of a kind the earlier one stays."""
        for clause, tally in other.tallies.items():
            self.tallies.setdefault(clause, Tally()).add(tally)
        self.refused = _first(self.refused, other.refused)
        self.unresolved = _first(self.unresolved, other.unresolved)
        self.behaviour = self.behaviour or other.behaviour


def _first(seen: dict[str, T], later: dict[str, T]) -> dict[str, T]:
    """Both, in the order in which they were seen; of two of a kind the earlier one."""
    return {**seen, **{name: value for name, value in later.items() if name not in seen}}


def total(accounts: Iterable[Account]) -> Account:
    """Several, in the order of their seeds, as one."""
    every = Account()
    for account in accounts:
        every.add(account)
    return every


def account(judgement: Judgement) -> Account:
    """A judgement without its kernels."""
    subject = judgement.subject
    return Account(
        {clause: _tally(clause, seen) for clause, seen in judgement.seen.items()},
        {exercise: str(refusal) for exercise, refusal in judgement.refused.items()},
        {exercise: unresolved(subject, exercise, error) for exercise, error in judgement.unresolved.items()},
    )


def of_run(recording: Recording, only: Container[str] = CLAUSES) -> Account:
    """One run that somebody has made himself, asked for every clause (or for these) that its variant declares."""
    lab = recording.lab
    asked = [clause for clause in CLAUSES.values() if clause.id in only and clause.asked_of(lab.variant)]
    account = Account({clause.id: Tally() for clause in asked})
    for passage, clause, wrong in ask([recording], asked):
        tally = account.tallies[clause.id]
        tally.asked += 1
        for violation in wrong:
            quirk = _quirk(passage.variant, clause.id, violation)
            found = finding(lab, clause.id, violation, quirk)
            (tally.known if quirk else tally.wrong).setdefault(violation.what, found)
    return account


def _quirk(variant: Variant, clause: str, violation: Violation) -> Quirk | None:
    """A quirk that looks like this, whatever shows it."""
    for quirk in variant.quirks:
        if (quirk.clause, quirk.what) == (clause, violation.what) and fnmatchcase(violation.got, quirk.got):
            return quirk
    return None


def _tally(clause: str, seen: Seen) -> Tally:
    return Tally(seen.asked, _findings(clause, seen.wrong), _findings(clause, seen.known))


def _findings(clause: str, seen: dict[str, Wrong]) -> dict[str, Finding]:
    return {what: _finding(clause, wrong) for what, wrong in seen.items()}


def _finding(clause: str, wrong: Wrong) -> Finding:
    bare = finding(wrong.passage.lab, clause, wrong.violation, wrong.quirk)
    return bare._replace(scenario=wrong.exercise, seed=wrong.seed)


def finding(lab: Lab, clause: str, violation: Violation, quirk: Quirk | None) -> Finding:
    """A violation with the place of the instruction to blame; XFAIL where the release is known for it."""
    found = Finding(
        clause,
        Verdict.XFAIL if quirk else Verdict.FAIL,
        lab.arch.name,
        lab.variant.release,
        lab.variant.name,
        seed=lab.seed,
        what=violation.what,
        expected=violation.expected,
        got=violation.got,
        reason=f"{quirk.effect} ({quirk.source})" if quirk else "",
    )
    return found if violation.address is None else _at(found, lab, violation.address)


def _at(found: Finding, lab: Lab, address: int) -> Finding:
    line = lab.image.symbols.line(address)
    found = found._replace(address=address, symbol=lab.symbol(address))
    return found._replace(file=line.place.file, line=line.place.line) if line else found


def unresolved(subject: Subject, exercise: str, error: Exception) -> Finding:
    """What ended an exercise before anything could be judged, with the last instruction where one is known."""
    variant = subject.variant
    found = Finding(
        "",
        Verdict.UNRESOLVED,
        subject.arch.name,
        variant.release,
        variant.name,
        scenario=exercise,
        reason=str(error) or type(error).__name__,
    )
    if isinstance(error, InputError) and error.place:
        return found._replace(file=error.place.file, line=error.place.line)
    recording = getattr(error, "recording", None)
    if isinstance(recording, Recording) and recording.shape and recording.shape.pcs:
        return _at(found, recording.lab, recording.shape.pcs[-1])
    return found

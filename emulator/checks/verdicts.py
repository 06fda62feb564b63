# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts: what became of each clause on one variant."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from emulator.checks.account import Account, Tally, of_run
from emulator.checks.allowance import Allowance
from emulator.checks.clause import CLAUSES, Clause, ordered
from emulator.checks.exercises import EXERCISES, Exercise
from emulator.checks.finding import Finding, Verdict
from emulator.description import Ability, Quirk
from emulator.errors import UsageError
from emulator.recording import Recording
from emulator.subject import Subject

WORST = (
    Verdict.FAIL,
    Verdict.UNRESOLVED,
    Verdict.XFAIL,
    Verdict.PASS,
    Verdict.UNTESTED,
    Verdict.UNSUPPORTED,
)
"""A clause's verdict is the first of these that any of its findings has."""


class Row(NamedTuple):
    """One clause of one variant, or (clause None) an exercise of it that led to nothing judgeable."""

    clause: Clause | None
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its findings'."""
        return min((finding.verdict for finding in self.findings), key=WORST.index)

    @property
    def title(self) -> str:
        """The clause's id and title."""
        if self.clause:
            return f"{self.clause.id} {self.clause.title}"
        return f"scenario {self.findings[0].scenario}" if self.findings[0].scenario else "the kernel"


class Report(NamedTuple):
    """All verdicts on one variant: findings in the order of the clauses, then exercises that led nowhere.

    A clause has one finding for each thing that is wrong with it, or else one that says what became of it.
    """

    arch: str
    release: str
    variant: str
    origin: str
    """Whose code it is: "ours", or the user's file."""
    seeds: Sequence[int]
    findings: tuple[Finding, ...]
    asked: Mapping[str, int]
    """{clause: how many passages of a site it was asked of}."""
    notes: tuple[str, ...] = ()
    behaviour: Mapping[str, Any] | None = None

    @property
    def rows(self) -> Iterator[Row]:
        """The findings, those of a clause together."""
        for (clause, _), findings in groupby(self.findings, key=_row):
            yield Row(CLAUSES.get(clause), tuple(findings))

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many rows have each verdict."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in Verdict}

    @property
    def name(self) -> str:
        """Architecture and variant."""
        return f"{self.arch} {self.variant}"


def _row(finding: Finding) -> tuple[str, str]:
    """What the findings of one row have in common: the clause, or the exercise."""
    return finding.clause, "" if finding.clause else finding.scenario


class Question(NamedTuple):
    """What the user wants to know; empty clauses or exercises are all."""

    seeds: Sequence[int] = (1,)
    clauses: tuple[Clause, ...] = ()
    exercises: tuple[Exercise, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    assembler: str | None = None

    @property
    def asked(self) -> tuple[Clause, ...]:
        """The clauses, in their order."""
        return tuple(clause for clause in ordered() if not self.clauses or clause in self.clauses)


def report(subject: Subject, account: Account, question: Question) -> Report:
    """The verdicts, each failure with the command that shows just it again."""
    bench = _Bench(subject, account, question, whole=not question.exercises and not account.unresolved)
    findings = [*bench.findings(), *bench.unresolved()]
    return Report(
        subject.arch.name,
        subject.variant.release,
        subject.variant.name,
        subject.origin,
        question.seeds,
        tuple(finding._replace(replay=bench.replay(finding)) for finding in findings),
        {clause.id: account.tallies.get(clause.id, Tally()).asked for clause in question.asked},
        (*subject.notes, *bench.notes()),
        account.behaviour,
    )


def findings(recording: Recording) -> list[Finding]:
    """The verdicts on one run, whoever made it. Raises UsageError for one that was not traced.

    A quirk of the release is XFAIL in any run; one that the run does not show is no matter.
    """
    if recording.shape is None:
        raise UsageError("the run was not traced: it cannot be checked")
    lab = recording.lab
    return list(_Bench(lab.subject, of_run(recording), Question(), whole=False).findings())


class _Bench:
    """Where one account is judged; `whole`: all exercises were done, so that what was not seen does not happen."""

    def __init__(self, subject: Subject, account: Account, question: Question, *, whole: bool) -> None:
        self.subject, self.account, self.question, self.whole = subject, account, question, whole
        self.variant, self.ours = subject.variant, subject.ours

    def findings(self) -> Iterator[Finding]:
        """Of every clause that was asked for."""
        for clause in self.question.asked:
            found = [*self._violations(clause), *self._vanished(clause)]
            yield from found or [self._clean(clause)]

    def unresolved(self) -> Iterator[Finding]:
        """Exercises that led to nothing judgeable: what a kernel cannot do at that release is no such thing."""
        yield from self.account.unresolved.values()
        if Ability.DYNAMIC_FTRACE in self.variant.abilities:
            for exercise, refusal in self.account.refused.items():
                yield self._finding("", Verdict.UNRESOLVED, scenario=exercise, reason=f"the kernel refuses: {refusal}")

    def notes(self) -> Iterator[str]:
        """Allowances for what does not happen."""
        for allowance in self.question.allowances:
            tally = self._tally(allowance.clause)
            if allowance.what not in tally.wrong and self.whole:
                yield f"--allow {allowance.clause}:{allowance.what}: nothing of that name is wrong here"

    def replay(self, finding: Finding) -> str:
        """The command that shows just this again; empty where there is nothing to be seen."""
        if finding.verdict not in (Verdict.FAIL, Verdict.UNRESOLVED, Verdict.XFAIL):
            return ""
        words = ["mcount-emulator", "check", self.subject.arch.name, "--variant", self.variant.name]
        words += self.subject.words
        words += ["--assembler", self.question.assembler] if self.question.assembler else []
        words += ["--clause", finding.clause] if finding.clause else []
        words += ["--scenario", finding.scenario, "--seed", str(finding.seed)] if finding.scenario else []
        return shlex.join(words)

    # -- one clause ---------------------------------------------------------------------------------------------------

    def _tally(self, clause: str) -> Tally:
        return self.account.tallies.get(clause, Tally())

    def _violations(self, clause: Clause) -> Iterator[Finding]:
        allowed = {item.what: item.reason for item in self.question.allowances if item.clause == clause.id}
        for what, finding in self._tally(clause.id).wrong.items():
            accepted = what in allowed
            yield finding._replace(verdict=Verdict.XFAIL, reason=allowed[what]) if accepted else finding
        yield from self._tally(clause.id).known.values()

    def _vanished(self, clause: Clause) -> Iterator[Finding]:
        """Quirks that did not occur: our own trampolines must have them, a user's may have mended them."""
        for quirk in self.variant.quirks:
            tally = self._tally(clause.id)
            if self.whole and tally.asked and quirk.clause == clause.id and quirk.what not in tally.known:
                yield self._mended(quirk)

    def _mended(self, quirk: Quirk) -> Finding:
        told = f"a quirk of {self.variant.release} does not occur: {quirk.effect} ({quirk.source})"
        verdict, got = (Verdict.FAIL, "does not occur") if self.ours else (Verdict.PASS, "")
        return self._finding(quirk.clause, verdict, what=quirk.what, expected=quirk.effect, got=got, reason=told)

    def _clean(self, clause: Clause) -> Finding:
        if self._tally(clause.id).asked:
            return self._finding(clause.id, Verdict.PASS)
        reason = clause.unsupported(self.subject.arch, self.variant)
        if reason:
            return self._finding(clause.id, Verdict.UNSUPPORTED, reason=reason)
        return self._finding(clause.id, Verdict.UNTESTED, reason=self._untested())

    def _untested(self) -> str:
        possible = [item for item in self.question.exercises or EXERCISES.values() if item.possible(self.variant)]
        if not possible:
            return "the variant has none of these scenarios"
        if "" in self.account.unresolved:
            return "nothing could be run"
        return "nothing that was run has shown it"

    def _finding(
        self,
        clause: str,
        verdict: Verdict,
        *,
        scenario: str = "",
        what: str = "",
        expected: str = "",
        got: str = "",
        reason: str = "",
    ) -> Finding:
        return Finding(
            clause,
            verdict,
            self.subject.arch.name,
            self.variant.release,
            self.variant.name,
            scenario=scenario,
            what=what,
            expected=expected,
            got=got,
            reason=reason,
        )

# SPDX-License-Identifier: GPL-2.0-only
"""A report that has every verdict, without anything having been run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from emulator import catalog
from emulator.checks.account import Account, Tally
from emulator.checks.allowance import Allowance
from emulator.checks.clause import CLAUSES
from emulator.checks.finding import Finding, Verdict
from emulator.checks.verdicts import Question, Report, report
from emulator.subject import Subject, load

ORIGIN = "my folder/mine.S"


def violation(clause: str, verdict: Verdict, what: str, **more: Any) -> Finding:
    bare = Finding(clause, verdict, "arm", "6.12", "6.12", scenario="regs", seed=7, what=what, expected="1", got="2")
    return bare._replace(**more)


def account() -> Account:
    """Three clauses broken, in three ways; one asked nowhere; two exercises that led nowhere."""
    made = Account({clause: Tally(4) for clause in CLAUSES if clause != "G4"})
    place: dict[str, Any] = {"address": 0xC0108010, "symbol": "ftrace_caller+0x10", "file": ORIGIN, "line": 12}
    made.tallies["T1"].wrong["r3"] = violation("T1", Verdict.FAIL, "r3", **place)
    made.tallies["T1"].wrong["r4"] = violation("T1", Verdict.FAIL, "r4", expected="#1,\n<&>", got="\x1b100%")
    made.tallies["T4"].wrong["cpsr"] = violation("T4", Verdict.FAIL, "cpsr", **place)
    known = violation("C5", Verdict.XFAIL, "cpsr", reason="never written #1\n(here)")
    made.tallies["C5"].known["cpsr"] = known
    lost = Finding("", Verdict.UNRESOLVED, "arm", "6.12", "6.12", reason="the CPU halted: 5 % of #0")
    made.unresolved["graph"] = lost._replace(scenario="graph", **place)
    made.unresolved["two"] = lost._replace(scenario="two")
    return made


@pytest.fixture(scope="session")
def subject() -> Subject:
    arch = catalog.load("arm")
    (ours,) = load(arch, [arch.variant("6.12")])
    return replace(ours, origin=ORIGIN, words=("--source", ORIGIN))


@pytest.fixture
def mixed(subject: Subject) -> Report:
    question = Question((7, 8), allowances=(Allowance("T4", "cpsr", "nobody looks"), Allowance("T2", "sp", "old")))
    return report(subject, account(), question)


@pytest.fixture
def clean(subject: Subject) -> Report:
    return report(subject, Account({clause: Tally(4) for clause in CLAUSES}), Question((1,)))


@pytest.fixture
def make(subject: Subject) -> Callable[[Account], Report]:
    return lambda made: report(subject, made, Question((1,)))

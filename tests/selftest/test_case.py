# SPDX-License-Identifier: GPL-2.0-only
"""How a verdict comes about."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from emulator import catalog
from emulator.description import Ability
from emulator.errors import FtraceError, RunError
from emulator.lab import Lab
from emulator.selftest.case import Case, Expected, Failed, Judged, Verdict, code, expect, judge, run, same
from emulator.subject import Subject, load


@pytest.fixture(scope="module")
def subject() -> Subject:
    arch = catalog.load("x86_64")
    (loaded,) = load(arch, [arch.variant("6.12")])
    return loaded


def case(run: Callable[[Lab], None], expected: Expected | None = None, needs: Ability = Ability.NONE) -> Case:
    return Case(name="case", title="a case", source="here", run=run, needs=needs, fails=lambda _kernel: expected)


def fail(_lab: Lab) -> None:
    raise Failed("callback received NULL regs")


def nothing(_lab: Lab) -> None:
    pass


def verdict(judged: Judged) -> tuple[Verdict, str, str]:
    return judged[1:]


def test_a_case_that_returns_passes(subject: Subject) -> None:
    assert verdict(judge(case(nothing), subject)) == (Verdict.PASS, "", "")


def test_a_case_that_says_why_fails_with_that(subject: Subject) -> None:
    assert verdict(judge(case(fail), subject)) == (Verdict.FAIL, "callback received NULL regs", "")


@pytest.mark.parametrize("error", [RunError("not back", "f+0x1"), FtraceError(errno.EBUSY, "register", "taken")])
def test_what_the_kernel_refuses_or_a_run_that_ends_badly_is_a_failure(subject: Subject, error: Exception) -> None:
    def broken(_lab: Lab) -> None:
        raise error

    assert verdict(judge(case(broken), subject)) == (Verdict.FAIL, str(error), "")


def test_a_slip_of_ours_is_no_verdict(subject: Subject) -> None:
    def slip(_lab: Lab) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        judge(case(slip), subject)


def test_a_missing_ability_is_named_and_the_case_not_run(subject: Subject) -> None:
    judged = judge(case(fail, needs=Ability.FUNCTION_TRACE_MCOUNT_TEST), subject)
    assert verdict(judged) == (Verdict.UNSUPPORTED, "", "no FUNCTION_TRACE_MCOUNT_TEST here")


KNOWN = Expected("callback received NULL regs", "a known fault")


def test_a_failure_that_must_occur_is_an_xfail(subject: Subject) -> None:
    assert verdict(judge(case(fail, KNOWN), subject)) == (Verdict.XFAIL, KNOWN.text, KNOWN.reason)


def test_another_failure_in_its_place_is_a_failure(subject: Subject) -> None:
    other = Expected("callback never called", "a known fault")
    assert judge(case(fail, other), subject).verdict is Verdict.FAIL


def test_a_failure_that_does_not_occur_is_a_failure(subject: Subject) -> None:
    judged = judge(case(nothing, KNOWN), subject)
    assert judged.verdict is Verdict.FAIL
    assert judged.text.startswith("passed, but must fail")


def test_a_user_may_have_mended_a_trampoline_but_not_a_test(subject: Subject) -> None:
    users = Subject(subject.arch, subject.variant, subject.trampolines, subject.kernel, "mine.S")
    mendable = KNOWN._replace(mendable=True)
    assert judge(case(nothing, mendable), subject).verdict is Verdict.FAIL
    assert verdict(judge(case(nothing, mendable), users)) == (Verdict.PASS, "", "mended here: a known fault")
    assert judge(case(nothing, KNOWN), users).verdict is Verdict.FAIL


def test_cases_have_a_kernel_each(subject: Subject) -> None:
    labs: list[Lab] = []
    suite = run(subject, [case(labs.append), case(labs.append), case(fail)], seed=7)
    assert labs[0] is not labs[1]
    assert labs[0].seed == 7
    assert suite.counts == {Verdict.PASS: 2, Verdict.FAIL: 1, Verdict.XFAIL: 0, Verdict.UNSUPPORTED: 0}


def test_what_cases_say() -> None:
    expect(condition=True, text="no")
    same("count", 1, 1)
    with pytest.raises(Failed, match=r"^no$"):
        expect(condition=0, text="no")
    with pytest.raises(Failed, match=r"^count: expected 2, got 1$"):
        same("count", 1, 2)


def test_the_code_of_a_call() -> None:
    def refuse() -> None:
        raise FtraceError(errno.ENODEV, "register", "killed")

    assert (code(lambda: None), code(refuse)) == (0, -errno.ENODEV)

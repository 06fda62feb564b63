# SPDX-License-Identifier: GPL-2.0-only
"""From what was seen to verdicts: every clause has one on every variant, and each says why."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from emulator import catalog
from emulator.checks import campaign
from emulator.checks.account import Account, Tally, account, total, unresolved
from emulator.checks.allowance import Allowance
from emulator.checks.clause import CLAUSES, find, ordered
from emulator.checks.exercises import EXERCISES, named
from emulator.checks.finding import Finding, Verdict
from emulator.checks.judge import judge
from emulator.checks.verdicts import Question, Report, report
from emulator.core.ops import FtraceOps
from emulator.description import Quirk, Variant
from emulator.errors import InputError, Place, RunError, UnknownName, UsageError
from emulator.lab import Lab
from emulator.subject import Subject, load

VARIANTS = [(name, variant.name) for name in catalog.names() for variant in catalog.load(name).variants]
BROKEN = {
    "x86_64": ("mov     %r13, PT_r13(%rsp)", "mov     %r12, PT_r13(%rsp)", "C5", "r13"),
    "arm": ("sub     \\rd, \\rd, #MCOUNT_INSN_SIZE", "nop", "C1", "ip"),
}
"""One line of 6.12's trampolines changed, the clause that tells of it, and under which name."""


@cache
def subject(arch: str, variant: str) -> Subject:
    declared = catalog.load(arch)
    (loaded,) = load(declared, [declared.variant(variant)])
    return loaded


def tell(whose: Subject, made: Account, **asked: object) -> Report:
    return report(whose, made, Question(**asked))  # type: ignore[arg-type]


def of(told: Report, clause: str) -> list[Finding]:
    return [finding for finding in told.findings if finding.clause == clause]


def clean() -> Account:
    return Account({clause: Tally(1) for clause in CLAUSES})


# -- our own trampolines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_clause_is_asked_of_every_variant_or_not_for_a_reason(arch: str, variant: str) -> None:
    whose = subject(arch, variant)
    told = tell(whose, account(judge(whose, [1])))
    verdicts = {row.clause: row.verdict for row in told.rows if row.clause}
    assert list(verdicts) == list(ordered())
    allowed = {Verdict.PASS, Verdict.XFAIL, Verdict.UNSUPPORTED}
    assert [(item.clause, item.reason) for item in told.findings if item.verdict not in allowed] == []
    assert all(finding.reason for finding in told.findings if finding.verdict is not Verdict.PASS)
    known = [(item.clause, item.what, item.reason) for item in told.findings if item.verdict is Verdict.XFAIL]
    for quirk in whose.variant.quirks:
        assert (quirk.clause, quirk.what, f"{quirk.effect} ({quirk.source})") in known
    wide = [item.id for item in ordered() if item.unsupported(whose.arch, whose.variant) and told.asked[item.id]]
    assert wide == [], "a scope that is too wide would hide a clause that has something to say"


# -- quirks ------------------------------------------------------------------------------------------------------------


def with_quirk(whose: Subject, quirk: Quirk) -> Subject:
    variant: Variant = replace(whose.variant, quirks=(quirk,))
    return replace(whose, variant=variant)


QUIRK = Quirk("T1", "r3", "lost", "somewhere")


def test_a_quirk_that_does_not_occur_is_a_failure_of_ours() -> None:
    (finding,) = of(tell(with_quirk(subject("arm", "6.12"), QUIRK), clean()), "T1")
    assert (finding.verdict, finding.what, finding.expected, finding.got) == (
        Verdict.FAIL,
        "r3",
        "lost",
        "does not occur",
    )


def test_a_quirk_that_a_user_has_mended_is_a_note() -> None:
    whose = replace(with_quirk(subject("arm", "6.12"), QUIRK), origin="mine.S", words=("--source", "mine.S"))
    (finding,) = of(tell(whose, clean()), "T1")
    assert finding.verdict is Verdict.PASS
    assert "does not occur: lost (somewhere)" in finding.reason


def test_a_quirk_is_not_missed_where_not_everything_was_done() -> None:
    whose = with_quirk(subject("arm", "6.12"), QUIRK)
    (finding,) = of(tell(whose, clean(), exercises=(named("one"),)), "T1")
    assert (finding.verdict, finding.what) == (Verdict.PASS, "")


# -- a user's own ------------------------------------------------------------------------------------------------------


def test_an_allowance_is_read() -> None:
    assert Allowance.parse("c5:cpsr=nobody reads it") == Allowance("C5", "cpsr", "nobody reads it")
    assert Allowance.parse("T4:control flags=a=b") == Allowance("T4", "control flags", "a=b")


@pytest.mark.parametrize("text", ["", "C5", "C5:cpsr", "C5=why", "C5:=why", ":cpsr=why", "C5:cpsr=", "C5:cpsr= "])
def test_an_allowance_without_all_its_parts_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="CLAUSE:WHAT=REASON"):
        Allowance.parse(text)


def test_an_allowance_for_no_clause_is_an_error() -> None:
    with pytest.raises(UnknownName, match="unknown clause 'C55'; did you mean 'C5'"):
        Allowance.parse("C55:cpsr=why")


def broken(*names: str) -> Account:
    made = clean()
    for name in names:
        bare = Finding("T1", Verdict.FAIL, "arm", "6.12", "6.12", "one", 3, name, "1", "2")
        made.tallies["T1"].wrong[name] = bare
    return made


def test_what_is_allowed_is_xfail_and_the_rest_fails() -> None:
    told = tell(subject("arm", "6.12"), broken("r3", "r4"), allowances=(Allowance("T1", "r3", "it is free here"),))
    assert [(item.what, item.verdict, item.reason) for item in of(told, "T1")] == [
        ("r3", Verdict.XFAIL, "it is free here"),
        ("r4", Verdict.FAIL, ""),
    ]
    assert told.notes == ()


def test_what_is_allowed_of_another_clause_fails() -> None:
    told = tell(subject("arm", "6.12"), broken("r3"), allowances=(Allowance("T2", "r3", "why"),))
    assert of(told, "T1")[0].verdict is Verdict.FAIL
    assert told.notes == ("--allow T2:r3: nothing of that name is wrong here",)


def test_a_failure_can_be_replayed() -> None:
    whose = replace(subject("arm", "6.12"), origin="my own.S", words=("--source", "my own.S"))
    (finding,) = of(tell(whose, broken("r3"), assembler="gnu"), "T1")
    assert finding.replay == (
        "mcount-emulator check arm --variant 6.12 --source 'my own.S' --assembler gnu "
        "--clause T1 --scenario one --seed 3"
    )


# -- what could not be judged ------------------------------------------------------------------------------------------


def test_what_nothing_has_shown_is_untested() -> None:
    (finding,) = of(tell(subject("arm", "6.12"), Account()), "T1")
    assert (finding.verdict, finding.reason) == (Verdict.UNTESTED, "nothing that was run has shown it")


def test_a_scenario_that_the_variant_lacks_is_the_reason() -> None:
    (finding,) = of(tell(subject("arm", "3.6"), Account(), exercises=(named("regs"),)), "T1")
    assert (finding.verdict, finding.reason) == (Verdict.UNTESTED, "the variant has none of these scenarios")


def test_an_exercise_that_led_nowhere_is_unresolved_with_its_place() -> None:
    whose = subject("arm", "6.12")
    error = InputError("cannot be placed", Place("mine.S", 7))
    made = replace(clean(), unresolved={"one": unresolved(whose, "one", error)})
    row = list(tell(whose, made).rows)[-1]
    assert (row.verdict, row.title) == (Verdict.UNRESOLVED, "scenario one")
    (finding,) = row.findings
    assert (finding.file, finding.line, finding.reason) == ("mine.S", 7, "mine.S:7: cannot be placed")
    assert "--scenario one" in finding.replay


def test_a_refusal_is_unresolved_but_where_the_release_knows_no_way() -> None:
    made = replace(clean(), refused={"one": "register: -EINVAL: no"})
    assert [row.verdict for row in tell(subject("arm", "6.12"), made).rows if not row.clause] == [Verdict.UNRESOLVED]
    assert [row.verdict for row in tell(subject("arm", "6.12-static"), made).rows if not row.clause] == []


def test_two_that_led_nowhere_are_two_rows() -> None:
    whose = subject("arm", "6.12")
    lost = {name: unresolved(whose, name, RunError("lost")) for name in ("one", "two")}
    told = tell(whose, replace(clean(), unresolved=lost))
    assert [row.title for row in told.rows if not row.clause] == ["scenario one", "scenario two"]
    assert told.counts[Verdict.UNRESOLVED] == 2


# -- accounts ----------------------------------------------------------------------------------------------------------


def test_of_two_of_a_kind_the_first_stays() -> None:
    first, second = broken("r3"), broken("r3", "r4")
    second.tallies["T1"].wrong["r3"] = second.tallies["T1"].wrong["r3"]._replace(seed=9)
    both = total([first, second]).tallies["T1"]
    assert (both.asked, both.wrong["r3"].seed, list(both.wrong)) == (2, 3, ["r3", "r4"])


def orders(arch: str, variant: str) -> list[campaign.Order]:
    return campaign.orders(subject(arch, variant), range(1, 18), [named("one"), named("disabled")])


def test_work_is_cut_by_seeds_and_nothing_else() -> None:
    made = orders("arm", "3.7")
    assert [seed for order in made for seed in order.seeds] == list(range(1, 18))
    assert len(made) == 3


def test_an_order_arrives_elsewhere_as_it_was() -> None:
    order = orders("arm", "3.7")[0]
    again: campaign.Order = pickle.loads(pickle.dumps(order))  # noqa: S301 - our own
    assert again[1:] == order[1:]
    assert again.subject.variant is subject("arm", "3.7").variant
    assert (again.subject.trampolines, again.subject.kernel) == (order.subject.trampolines, order.subject.kernel)


def test_the_outcome_does_not_depend_on_how_many_processes_there_are() -> None:
    work = [*orders("arm", "3.7-static"), *orders("x86_64", "6.12-static")]
    alone = list(campaign.run(work, 1))
    assert list(campaign.run(work, 2)) == alone
    assert alone[0].tallies["T1"].asked > 0


def test_no_kernel_at_all_is_unresolved_as_a_whole() -> None:
    order = orders("arm", "3.7")[0]
    whole = order.subject.trampolines
    lacking = {name: symbol for name, symbol in whole.symbols.items() if name != "ftrace_caller"}
    made = campaign.perform(order._replace(subject=replace(order.subject, trampolines=replace(whole, symbols=lacking))))
    told = tell(subject("arm", "3.7"), made)
    assert [(row.title, row.verdict) for row in told.rows if row.verdict.bad] == [("the kernel", Verdict.UNRESOLVED)]
    assert "lacks the label ftrace_caller" in told.findings[-1].reason
    assert {row.verdict for row in told.rows if row.clause} == {Verdict.UNTESTED, Verdict.UNSUPPORTED}


def test_every_scenario_has_a_name_to_be_asked_for() -> None:
    assert all(named(name).name == name for name in EXERCISES)
    with pytest.raises(UnknownName, match="unknown scenario 'onn'; did you mean 'one'"):
        named("onn")
    assert find("c5").id == "C5"


# -- one run of somebody's own -----------------------------------------------------------------------------------------


def probe(lab: Lab, *flags: str) -> None:
    ops = FtraceOps("probe", lambda *_: None, flags=flags)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)


@pytest.mark.parametrize("arch", BROKEN)
def test_a_run_of_ours_is_good(arch: str) -> None:
    lab = Lab(arch)
    probe(lab, "SAVE_REGS")
    verdicts = {finding.clause: finding.verdict for finding in lab.check(lab.call("vfs_read"))}
    assert verdicts.keys() == CLAUSES.keys()
    assert not any(verdict.bad for verdict in verdicts.values())
    assert verdicts["T1"] is verdicts["C1"] is Verdict.PASS
    assert verdicts["G3"] is Verdict.UNTESTED


@pytest.mark.parametrize("arch", BROKEN)
def test_a_run_of_a_broken_trampoline_is_not(arch: str, tampered: Callable[..., Lab]) -> None:
    old, new, clause, what = BROKEN[arch]
    lab = tampered(arch, "6.12", (old, new))
    probe(lab, "SAVE_REGS")
    failed = {(item.clause, item.what): item for item in lab.check(lab.run("vfs_read")) if item.verdict.bad}
    finding = failed[clause, what]
    assert (finding.verdict, finding.seed) == (Verdict.FAIL, 1)
    assert finding.address is not None
    assert finding.symbol.startswith("ftrace_")
    assert finding.file.endswith(".S")


def test_a_quirk_is_one_in_any_run() -> None:
    lab = Lab("arm")
    probe(lab, "SAVE_REGS")
    (finding,) = (item for item in lab.check(lab.call("vfs_read")) if item.clause == "C5")
    assert (finding.verdict, finding.what) == (Verdict.XFAIL, "cpsr")


def test_a_run_without_a_trace_cannot_be_checked() -> None:
    lab = Lab("arm")
    with pytest.raises(UsageError, match="not traced"):
        lab.check(lab.call("vfs_read", trace=False))

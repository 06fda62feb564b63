# SPDX-License-Identifier: GPL-2.0-only
"""The contract as a whole, on our own trampolines and on sources that lead nowhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from emulator import catalog
from emulator.checks.clause import CLAUSES
from emulator.checks.exercises import EXERCISES
from emulator.checks.finding import Violation
from emulator.checks.judge import Judgement, judge, quirk_of
from emulator.checks.rig import Rig
from emulator.description import Variant
from emulator.errors import FtraceError, InputError, LimitReached, RunError
from emulator.lab import Lab
from emulator.subject import Subject, load

FOLDER = Path(__file__).resolve().parents[1] / "offenders"
VARIANTS = [(name, variant.name) for name in catalog.names() for variant in catalog.load(name).variants]
SEEDS = (3, 4)


@cache
def subjects(arch: str) -> dict[str, Subject]:
    declared = catalog.load(arch)
    return {each.variant.name: each for each in load(declared, declared.variants)}


@cache
def ours(arch: str, variant: str) -> Judgement:
    """Our own trampolines, with interrupts and changes of code."""
    return judge(subjects(arch)[variant], SEEDS[:1])


def source(folder: Path, arch: str, variant: str, text: str, tiny: str = "tiny-6.S") -> Subject:
    """A variant with the small trampoline, of which these steps are other ones."""
    (folder / tiny).write_text((FOLDER / arch / tiny).read_text())
    path = folder / "changed.S"
    path.write_text(f'{text}\n        .include "{tiny}"\n')
    declared = catalog.load(arch)
    (loaded,) = load(declared, [declared.variant(variant)], source=path)
    return loaded


# -- our own ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_our_own_trampolines_are_right(arch: str, variant: str) -> None:
    judgement = ours(arch, variant)
    wrong = {id_: {what: each.exercise for what, each in seen.wrong.items()} for id_, seen in judgement.seen.items()}
    assert {id_: what for id_, what in wrong.items() if what} == {}
    assert not judgement.unresolved


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_quirk_occurs(arch: str, variant: str) -> None:
    known = {id(each.quirk) for seen in ours(arch, variant).seen.values() for each in seen.known.values()}
    quirks = catalog.load(arch).variant(variant).quirks
    assert [quirk for quirk in quirks if id(quirk) not in known] == []


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_a_quirk_of_another_variant_does_not(arch: str, variant: str) -> None:
    declared = catalog.load(arch)
    own = declared.variant(variant).quirks
    for seen in ours(arch, variant).seen.values():
        assert all(each.quirk in own for each in seen.known.values())


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_clause_that_can_be_asked_is_asked(arch: str, variant: str) -> None:
    declared, judgement = catalog.load(arch), ours(arch, variant)
    item = declared.variant(variant)
    asked = {id_ for id_, seen in judgement.seen.items() if seen.asked}
    able = {each.id for each in CLAUSES.values() if not each.unsupported(declared, item)}
    assert able - asked == set()


def test_only_what_the_kernel_itself_refuses_is_refused() -> None:
    refusals = {pair: ours(*pair).refused for pair in VARIANTS}
    assert {pair for pair, refused in refusals.items() if refused} == {("arm", "6.12-static")}
    assert all(isinstance(error, FtraceError) for error in refusals["arm", "6.12-static"].values())
    assert all(name.startswith("graph") for name in refusals["arm", "6.12-static"])


# -- quirks -----------------------------------------------------------------------------------------------------------


def variant_37() -> Variant:
    return catalog.load("x86_64").variant("3.7")


@pytest.mark.parametrize(("clause", "what", "exercise", "known"), [
    ("T1", "r10", "graph-regs", True),
    ("T1", "r10", "regs", False),
    ("T1", "r12", "graph-regs", False),
    ("T2", "r10", "graph-regs", False),
])  # fmt: skip
def test_a_quirk_is_one_clause_one_thing_and_some_exercises(clause: str, what: str, exercise: str, known: bool) -> None:
    assert bool(quirk_of(variant_37(), clause, Violation(what, "", ""), exercise)) == known


def test_a_fault_of_3_7_is_none_of_6_12(tmp_path: Path) -> None:
    text = (FOLDER / "x86_64" / "C3-address-of-variable.S").read_text().split("        .include")[0]
    seen = judge(source(tmp_path, "x86_64", "6.12", text), SEEDS[:1], disturb=False, events=False).seen["C3"]
    assert list(seen.wrong) == ["op"]
    assert not seen.known


# -- sources that lead nowhere ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant", "leave", "why"), [
    ("x86_64", "6.12", "5:      jmp 5b", "not back"),
    ("x86_64", "6.12", "        ud2", "nvalid"),
    ("x86_64", "6.12", "        hlt", "halted"),
    ("x86_64", "6.12", "        movabs $function_trace_op, %rax\n        jmp *%rax", "a jump into data"),
    ("arm", "6.1", "5:      b 5b", "not back"),
    ("arm", "6.1", "        mov pc, #0", "a jump to unmapped"),
])  # fmt: skip
def test_who_leads_nowhere_is_lost(arch: str, variant: str, leave: str, why: str, tmp_path: Path) -> None:
    step = f"        .set OWN_LEAVE, 1\n        .macro LEAVE\n{leave}\n        .endm\n"
    subject = source(tmp_path, arch, variant, step)
    judgement = judge(subject, SEEDS[:1], exercises=[EXERCISES["one"]], events=False)
    told = judgement.seen["T2"].wrong["landing"]
    assert why in told.violation.got
    assert told.violation.address is not None
    assert not judgement.unresolved


@pytest.mark.parametrize("place", ["(%r12)", "ftrace_stub"])
def test_a_write_that_faults_within_a_callback_has_not_been_made(place: str, tampered: Callable[..., Lab]) -> None:
    """The callback calls another function, whose trampoline then writes to nowhere, or to code."""
    store = "mov     %rax, {}\n        mov     PT_ip".format
    lab = tampered("x86_64", "6.12", (store("AREA(%rsp)"), store(place)))
    judgement = judge(lab.subject, [1], exercises=[EXERCISES["nested-regs"]])
    assert "landing" in judgement.seen["T2"].wrong


def test_an_entry_that_is_not_there_is_no_kernel(tmp_path: Path) -> None:
    path = tmp_path / "empty.S"
    path.write_text("        .text\n        nop\n")
    declared = catalog.load("x86_64")
    (subject,) = load(declared, [declared.variant("6.12")], source=path)
    with pytest.raises(InputError, match="lacks the label"):
        judge(subject, SEEDS)


def test_a_run_without_an_end_that_no_clause_tells_of_is_unresolved(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Rig.call

    def cut(self: Rig, function: str = "vfs_read", *arguments: int) -> object:
        recording = call(self, function, *arguments)
        recording.outcome = LimitReached("for the sake of it")
        return recording

    monkeypatch.setattr(Rig, "call", cut)
    judgement = judge(subjects("arm")["6.1"], SEEDS[:1], exercises=[EXERCISES["one"]], disturb=False, events=False)
    assert isinstance(judgement.unresolved["one"], RunError)


# -- how far it goes --------------------------------------------------------------------------------------------------


def test_until_wrong_ends_at_the_first(tmp_path: Path) -> None:
    text = (FOLDER / "x86_64" / "T1-argument-lost.S").read_text().split("        .include")[0]
    subject = source(tmp_path, "x86_64", "6.12", text)
    found = judge(subject, SEEDS, until_wrong=True, events=False)
    assert {each.exercise for seen in found.seen.values() for each in seen.wrong.values()} == {"one"}


def test_what_is_asked_can_be_narrowed() -> None:
    clauses, exercises = [CLAUSES["C1"], CLAUSES["T2"]], [EXERCISES["one"]]
    judgement = judge(subjects("x86_64")["6.12"], SEEDS, clauses=clauses, exercises=exercises)
    assert set(judgement.seen) == {"C1", "T2"}
    assert all(seen.asked for seen in judgement.seen.values())

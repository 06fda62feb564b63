# SPDX-License-Identifier: GPL-2.0-only
"""Code is changed under the feet of passages: patchers and trampolines that cannot stand it are found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulator import catalog, poke
from emulator.checks.exercises import EXERCISES
from emulator.checks.exercises.transitions import Transition
from emulator.checks.judge import Judgement, judge
from emulator.checks.rig import Rig
from emulator.checks.states import Interleaving
from emulator.description import Poke
from emulator.errors import UsageError
from emulator.moments import Moment
from emulator.poke import Change, Onward, Poker, Store
from emulator.subject import Subject, load

VARIANTS = [(arch, variant) for arch in ("x86_64", "arm") for variant in ("3.7", "6.12")]
SOME = ("change-enable", "change-disable", "change-second", "change-second-gone")


def subject(arch: str, variant: str, **changes: object) -> Subject:
    declared = catalog.load(arch)
    (made,) = load(declared, [replace(declared.variant(variant), **changes)])  # type: ignore[arg-type]
    return made


def judged(of: Subject, *names: str) -> Judgement:
    return judge(of, [1], exercises=[EXERCISES[name] for name in names or SOME])


def wrong(judgement: Judgement) -> dict[str, set[str]]:
    return {clause: set(seen.wrong) for clause, seen in judgement.seen.items() if seen.wrong}


# -- what is there ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_state_from_every_instruction(arch, variant):
    judgement = judged(subject(arch, variant))
    assert wrong(judgement) == {}
    assert judgement.seen["P3"].asked == judgement.seen["P4"].asked > 3


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_a_passage_goes_on_from_each_of_its_instructions(arch, variant, monkeypatch):
    monkeypatch.setattr(Moment, "like", lambda _self, _other: False)
    rig = Rig(subject(arch, variant), 1)
    interleaving = Interleaving(rig)
    interleaving.run(EXERCISES["change-disable"])
    rec, image = rig.lab.record("vfs_read"), rig.lab.image
    old = interleaving.calm[0]
    passed = [pc for pc in old.ran if pc == rec.ip or image.in_trampoline(pc)]
    behind = [passage.resumed_at for passage in interleaving.passages if passage.when.startswith("behind")]
    assert behind == passed
    assert all(passage.landed for passage in interleaving.passages if passage.when.startswith("behind"))


def ends(of: Subject, exercise: str) -> list[tuple[object, ...]]:
    """What becomes of the passages of a transition: the state of text, all that ran, and how it ended."""
    interleaving = Interleaving(Rig(of, 1))
    transition = EXERCISES[exercise]
    assert isinstance(transition, Transition)
    interleaving.run(transition)
    return [
        (at.when.split(", from ")[0], at.recording.raw, at.recording.values, at.recording.registers, at.reached)
        for at in interleaving.passages
    ]


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_what_a_run_comes_to_just_as_it_was_need_not_be_gone_on_from(arch, variant, monkeypatch):
    of = subject(arch, variant)
    names = [name for name, at in EXERCISES.items() if isinstance(at, Transition) and at.possible(of.variant)]
    few = {name: ends(of, name) for name in names}
    monkeypatch.setattr(Moment, "like", lambda _self, _other: False)
    every = {name: ends(of, name) for name in names}
    assert {name: set(found) for name, found in few.items()} == {name: set(found) for name, found in every.items()}
    assert sum(map(len, few.values())) < sum(map(len, every.values())) / 2


def test_states_are_those_of_the_protocol():
    rig = Rig(subject("x86_64", "6.12"), 1)
    interleaving = Interleaving(rig)
    interleaving.run(EXERCISES["change-enable"])
    whens = list(dict.fromkeys(passage.when.split(", ")[0] for passage in interleaving.passages))
    site = [when for when in whens if when.startswith("vfs_read is ")]
    assert [when.split()[2] for when in site] == ["cc", "cc", "e8"]
    assert site[0].endswith("cc 1f 44 00 00")
    assert whens[-1] == "behind the change"
    reached = {passage.when.split(", ")[0]: passage.reached for passage in interleaving.passages}
    assert all(reached[when] == ("probe",) for when in site)


def test_up_to_3_12_a_breakpoint_is_a_nop():
    rig = Rig(subject("x86_64", "3.7"), 1)
    interleaving = Interleaving(rig)
    interleaving.run(EXERCISES["change-enable"])
    trapped = [passage for passage in interleaving.passages if passage.when.startswith("vfs_read is cc")]
    assert trapped
    assert all(passage.hit.target == 0 and passage.reached == () for passage in trapped)


def test_a_copy_is_there_until_everybody_has_left_it():
    rig = Rig(subject("x86_64", "6.12"), 1)
    interleaving = Interleaving(rig)
    interleaving.run(EXERCISES["change-free"])
    waiting = [passage for passage in interleaving.passages if passage.when.startswith("its copy is to be freed")]
    assert waiting
    assert all(passage.landed for passage in waiting)
    assert not any(passage.when.startswith("behind") for passage in interleaving.passages)


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_transition_changes_something(arch, variant):
    """The function's site, a label, or who is called."""
    of = subject(arch, variant)
    for exercise in EXERCISES.values():
        if isinstance(exercise, Transition) and exercise.possible(of.variant):
            interleaving = Interleaving(Rig(of, 1))
            interleaving.run(exercise)
            assert interleaving.passages, exercise.name


def test_a_moment_is_of_a_run_that_has_ended():
    rig = Rig(subject("x86_64", "6.12"), 1)
    interleaving = Interleaving(rig)
    interleaving.run(EXERCISES["change-disable"])
    moment = interleaving._moments[3]
    rig.ops("nested", act=lambda rig: rig.lab.runner.resume(moment) and None)
    with pytest.raises(UsageError, match="within another one"):
        rig.lab.call("vfs_read")


# -- patchers that are wrong ------------------------------------------------------------------------------------------


def _tail_first(declared: Poke, change: Change) -> Iterator[Store]:
    first, tail, last = poke_stores(declared, change)
    yield tail
    yield first
    yield last


def _without_breakpoint(declared: Poke, change: Change) -> Iterator[Store]:
    _, tail, last = poke_stores(declared, change)
    yield tail
    yield last


poke_stores = poke.stores


@pytest.mark.parametrize("stores", [_tail_first, _without_breakpoint])
def test_a_tail_that_is_written_where_somebody_may_run_into_it(stores, monkeypatch):
    monkeypatch.setattr(poke, "stores", stores)
    assert "a store seen in part" in wrong(judged(subject("x86_64", "6.12")))["P3"]


def test_a_call_that_is_written_by_plain_stores():
    """What x86 did up to 3.4, but that there everybody was stopped."""
    found = wrong(judged(subject("x86_64", "6.12", poke=Poke(stopped=False))))
    assert found == {"P3": {"a store seen in part"}}


def test_a_breakpoint_that_acts_as_a_nop_loses_calls():
    """x86 before 5.2, whose callbacks nothing holds off any more since 3.17."""
    declared = catalog.load("x86_64").variant("6.12").poke
    found = wrong(judged(subject("x86_64", "6.12", poke=replace(declared, emulates=False))))
    assert found == {"P4": {"callbacks"}}


def test_a_breakpoint_that_nobody_knows_at_a_label():
    declared = catalog.load("x86_64").variant("6.12").poke
    found = wrong(judged(subject("x86_64", "6.12", poke=replace(declared, labels=False)), "change-second-gone"))
    assert found == {"P3": {"T2 landing"}}


def test_an_emulated_call_without_its_return_address(monkeypatch):
    right = Poker.onward

    def onward(self, pc, pending):
        found = right(self, pc, pending)
        return found and Onward(found.address)

    monkeypatch.setattr(Poker, "onward", onward)
    found = wrong(judged(subject("x86_64", "6.12")))
    assert "P3" in found
    assert any(what.startswith("T2") for what in found["P3"])


def test_an_emulated_call_that_returns_elsewhere(monkeypatch):
    right = Poker.onward

    def onward(self, pc, pending):
        found = right(self, pc, pending)
        return found and found._replace(pushed=found.pushed and found.pushed - 4)

    monkeypatch.setattr(Poker, "onward", onward)
    assert {"C1 ip"} <= wrong(judged(subject("x86_64", "6.12")))["P3"]


def test_a_copy_that_is_freed_under_the_feet_of_a_task(monkeypatch):
    monkeypatch.setattr(Poker, "grace_period", lambda _self: None)
    found = wrong(judged(subject("x86_64", "6.12"), "change-free", "change-free-regs"))
    assert set(found) == {"P3"}
    assert "T2 landing" in found["P3"]


def test_arm_words_in_two_halves():
    assert "a store seen in part" in wrong(judged(subject("arm", "6.12", poke=Poke(stopped=False, whole=2))))["P3"]


def test_arm_words_as_wholes():
    """A legal neighbour: nobody is stopped, but nobody sees a word in part."""
    assert wrong(judged(subject("arm", "6.12", poke=Poke(stopped=False, whole=4)))) == {}


# -- trampolines that are wrong ---------------------------------------------------------------------------------------

EXIT = "        RESTORE\n\nLABEL ftrace_graph_call"
TEST = "        cmpl    $0, function_trace_stop(%rip)\n        jne     ftrace_stub\n"
LATE_TEST = EXIT, TEST + EXIT
EARLY_TEST = EXIT, EXIT.replace("RESTORE\n", "RESTORE\n" + TEST)


def test_a_trampoline_that_believes_that_nothing_changes_meanwhile(tampered):
    """function_trace_stop is raised between its two tests of it: then it leaves its frame on the stack."""
    found = wrong(judged(tampered("x86_64", "3.6", LATE_TEST).subject))
    assert found == {"P3": {"T2 landing"}}


def test_a_trampoline_that_looks_once_more_when_it_is_safe(tampered):
    """A legal neighbour."""
    assert wrong(judged(tampered("x86_64", "3.6", EARLY_TEST).subject)) == {}


def test_what_is_wrong_anyway_is_not_told_twice(tampered):
    lost = ("        mov     SAVED_si(%rsp), %rsi", "        mov     SAVED_di(%rsp), %rsi")
    found = wrong(judged(tampered("x86_64", "3.6", lost).subject))
    assert found == {"T1": {"rsi"}}


def test_a_violation_tells_the_state_and_the_instruction():
    declared = catalog.load("x86_64").variant("6.12").poke
    judgement = judged(subject("x86_64", "6.12", poke=replace(declared, emulates=False)), "change-second")
    first = judgement.seen["P4"].wrong["callbacks"]
    assert (first.exercise, first.violation.expected) == ("change-second", "probe")
    assert first.violation.got.startswith("nobody (vfs_read is cc ")
    assert first.violation.got.endswith(", from vfs_read on)")
    assert first.violation.address == first.passage.hit.ip

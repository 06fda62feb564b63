# SPDX-License-Identifier: GPL-2.0-only
"""What one passage of a site is taken to be: where it was to go, with what, and whom something wrong is blamed on."""

from __future__ import annotations

from functools import cache

import pytest

from emulator import catalog
from emulator.checks.exercises import named
from emulator.checks.passage import Passage
from emulator.checks.rig import FUNCTION, Rig
from emulator.description import Reg
from emulator.recording import Recording
from emulator.subject import Subject, load

BOTH = [("x86_64", "6.12"), ("arm", "6.1")]
EVERY = [(name, release) for name in catalog.names() for release in catalog.load(name).releases]


@cache
def subjects(arch: str) -> dict[str, Subject]:
    declared = catalog.load(arch)
    return {each.variant.name: each for each in load(declared, declared.variants)}


def rigged(arch: str, variant: str) -> Rig:
    return Rig(subjects(arch)[variant], 6)


def of(recording: Recording, function: str = FUNCTION) -> Passage:
    """The passage of a function's site."""
    return Passage(recording, next(hit for hit in recording.hits if hit.symbol == function))


def done(arch: str, variant: str, exercise: str) -> Passage:
    """The function's passage in an exercise, the last one."""
    rig = rigged(arch, variant)
    named(exercise).run(rig)
    return of(rig.recordings[-1])


# -- where to, and with what ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_a_passage_of_a_nop_goes_to_the_function_with_everything_as_it_was(arch: str, variant: str) -> None:
    passage = of(rigged(arch, variant).call())
    assert passage.entry is None
    assert passage.destination == passage.after == passage.hit.ip + len(passage.variant.site.call.opcode)
    assert passage.landed is not None
    pc, sp = passage.abi.pc, passage.abi.sp
    assert passage.free == {pc}
    assert passage.wanted[sp] == passage.site[sp] + passage.variant.site.pops
    assert {name: value for name, value in passage.landed.items() if name != pc} == {
        name: value for name, value in passage.wanted.items() if name != pc
    }


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_what_an_entry_may_leave_changed_is_free(arch: str, variant: str) -> None:
    passage = done(arch, variant, "one")
    assert passage.entry is not None
    assert passage.free == {passage.abi.pc, *passage.entry.clobbers}


@pytest.mark.parametrize(("arch", "variant"), BOTH)
def test_a_changed_ip_is_where_it_goes(arch: str, variant: str) -> None:
    passage = done(arch, variant, "ip")
    assert passage.destination == passage.returns_to != passage.after
    assert passage.landed is not None
    assert passage.landed[passage.abi.sp] == passage.wanted[passage.abi.sp]
    assert passage.hit.landing is None
    assert passage.tail, "the stack there is known, too"


@pytest.mark.parametrize(("arch", "variant"), BOTH)
def test_what_was_written_to_a_member_that_is_loaded_is_wanted(arch: str, variant: str) -> None:
    passage = done(arch, variant, "write-one")
    ((name, value),) = passage.changed.items()
    register = passage.register(passage.arch.pt_regs.member(name))
    assert register is not None
    assert passage.wanted[register] == value != passage.site[register]
    assert passage.destination == passage.after


def test_what_was_written_to_a_member_that_is_not_loaded_is_not() -> None:
    rig = rigged("x86_64", "6.12")
    member = rig.arch.pt_regs.member("r11")
    rig.ops("kprobe", "SAVE_REGS", act=lambda rig: rig.write(member))
    passage = of(rig.call())
    assert list(passage.changed) == ["r11"]
    assert passage.wanted["r11"] == passage.site["r11"]


@pytest.mark.parametrize("exercise", ["direct", "direct-shared", "direct-regs"])
def test_a_direct_trampoline_finds_what_a_call_leaves(exercise: str) -> None:
    passage = done("x86_64", "6.12", exercise)
    assert passage.called_directly
    assert passage.wanted["rsp"] == passage.site["rsp"] - 8
    assert passage.word_at_landing(passage.wanted["rsp"]) == passage.after
    assert passage.word_at_landing(passage.site["rsp"]) == passage.parent


def test_a_direct_trampoline_that_is_code_returns_to_the_changed_ip() -> None:
    passage = done("x86_64", "6.12", "direct-ip")
    assert not passage.called_directly
    assert passage.destination == passage.returns_to != passage.after
    assert passage.landed is not None
    assert "r11" in passage.free
    assert "rdi" not in passage.free


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_a_site_as_it_was_compiled_may_do_what_an_entry_may(arch: str, variant: str) -> None:
    passage = done(arch, variant, "unpatched")
    called = passage.variant.site.mcount is not None
    assert passage.unpatched is called
    assert passage.entry is None
    assert passage.free == {passage.abi.pc, *(passage.variant.plain.clobbers if called else ())}


# -- the stack --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_the_parent_is_what_the_function_returns_to(arch: str, variant: str) -> None:
    passage = done(arch, variant, "one")
    assert passage.parent == passage.return_at_site == passage.return_at_landing
    assert passage.lab.symbol(passage.parent or 0).startswith("ksys_read+")


@pytest.mark.parametrize(("arch", "variant"), BOTH)
def test_below_sp_no_word_is_known(arch: str, variant: str) -> None:
    passage = done(arch, variant, "one")
    sp = passage.wanted[passage.abi.sp]
    assert passage.word_at_landing(sp) is not None
    assert passage.word_at_landing(sp - passage.arch.word) is None


@pytest.mark.parametrize(("arch", "variant"), BOTH)
def test_a_record_lies_in_the_frame(arch: str, variant: str) -> None:
    passage = done(arch, variant, "regs")
    (arrival,) = (each for each in passage.hit.arrivals if each.record)
    assert passage.in_frame(arrival)
    arrival.record = passage.site[passage.abi.sp]
    assert not passage.in_frame(arrival)
    arrival.record = passage.at_first_call(passage.abi.sp) - passage.arch.word
    assert not passage.in_frame(arrival)


# -- the graph tracer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_a_return_that_was_taken_is_told(arch: str, variant: str) -> None:
    taken = done(arch, variant, "graph")
    rig = rigged(arch, variant)
    named("graph-refused").run(rig)
    refused = of(rig.recordings[0], "kernel_read")
    assert (taken.graph_calls, taken.took_return) == (1, True)
    assert (refused.graph_calls, refused.took_return) == (1, False)
    assert taken.return_at_landing == taken.handler
    assert taken.recording.returns
    assert not refused.recording.returns


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_the_end_is_that_of_a_run_that_nobody_traced(arch: str, variant: str) -> None:
    passage = done(arch, variant, "graph")
    names = (*passage.abi.returns, *passage.abi.preserved)
    assert list(passage.compare_end(names)) == []
    ended = passage.lab.layout.unpack(passage.recording.registers)
    name = passage.abi.returns[1]
    passage.recording.registers = passage.lab.layout.pack({**ended, name: ended[name] ^ 1})
    (violation,) = passage.compare_end(names)
    assert violation.what == f"{name} at the end"
    assert passage.lab.where(violation.address or 0).startswith("return_to_handler")


# -- blame ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), BOTH)
def test_the_instruction_to_blame_is_the_last_that_changed_it(arch: str, variant: str) -> None:
    passage = done(arch, variant, "one")
    (call,) = passage.calls
    for number, register in enumerate(passage.abi.arguments[:3]):
        blamed = passage.blame_argument(call, number)
        changes = [step.address for step in passage.steps if register in step.registers]
        assert blamed in changes
    assert passage.caller(call.arrival) == passage.call_label


@pytest.mark.parametrize(("arch", "variant"), BOTH)
def test_the_writer_of_a_member_is_a_store_of_the_trampoline(arch: str, variant: str) -> None:
    passage = done(arch, variant, "regs")
    (arrival,) = (each for each in passage.hit.arrivals if each.record)
    member = next(each for each in passage.arch.pt_regs.members if each.holds == Reg(passage.abi.arguments[0]))
    writer = passage.member_writer(arrival, member)
    assert passage.lab.image.in_trampoline(writer or 0)


def test_a_run_that_a_callback_made_cannot_be_repeated_and_nobody_is_blamed() -> None:
    rig = rigged("x86_64", "6.12")
    rig.ops("probe", on="*", act=Rig.nest)
    rig.call()
    inner = next(recording for recording in rig.recordings if recording.nested)
    assert Passage(inner, inner.hits[0]).steps == []

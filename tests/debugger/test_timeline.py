# SPDX-License-Identifier: GPL-2.0-only
"""A call taken step by step, forwards and backwards: the same call as a run, and every moment of it is found again."""

from __future__ import annotations

import pytest

from emulator import FgraphOps, Lab, catalog
from emulator.debugger import timeline as module
from emulator.debugger.timeline import Timeline
from emulator.description import Ability
from emulator.errors import UsageError
from emulator.machine.engine import Cause
from gdb_client import FUNCTION, laboratory

EVERY = [(arch.name, variant.name) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]


def state(timeline):
    memory = timeline.lab.image.memory
    return timeline.registers, [region.data[:] for region in memory.regions]


def to_the_end(timeline):
    assert timeline.go_to(10**6) is None
    assert timeline.ended


def static(lab):
    return Ability.DYNAMIC_FTRACE not in lab.variant.abilities


def prepared(arch, variant, func=None):
    """One ops, where that is possible, and the graph tracer beside it."""
    lab = Lab(arch, variant=variant)
    if not static(lab):
        lab = laboratory(arch, variant, func)
        lab.register_graph(FgraphOps("graph", lambda *_: True, lambda *_: None))
    return lab


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_it_is_the_same_call_as_a_run(arch, variant):
    ran = prepared(arch, variant).call(FUNCTION)
    timeline = Timeline(prepared(arch, variant), FUNCTION)
    to_the_end(timeline)
    stepped = timeline.close()
    assert (stepped.raw, stepped.values) == (ran.raw, ran.values)
    assert (stepped.registers, stepped.first, stepped.outcome) == (ran.registers, ran.first, None)
    assert [(hit.symbol, hit.registers, hit.landing) for hit in stepped.hits] == [
        (hit.symbol, hit.registers, hit.landing) for hit in ran.hits
    ]
    assert [(seen.symbol, seen.event, seen.before) for seen in stepped.arrivals] == [
        (seen.symbol, seen.event, seen.before) for seen in ran.arrivals
    ]
    assert [call.ip for call in stepped.callbacks] == [call.ip for call in ran.callbacks]
    assert stepped.returns == ran.returns


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_every_moment_is_found_again(arch, variant):
    timeline = Timeline(prepared(arch, variant), FUNCTION)
    moments = [state(timeline)]
    while not timeline.ended:
        timeline.forward()
        moments.append(state(timeline))
    while timeline.position:
        assert state(timeline) == moments[timeline.position]
        timeline.back()
    assert state(timeline) == moments[0]
    for moment in moments[1:]:
        timeline.forward()
        assert state(timeline) == moment


@pytest.mark.parametrize("arch", catalog.names())
def test_callbacks_act_once_until_somebody_changes_something(arch):
    calls = []
    timeline = Timeline(laboratory(arch, func=lambda *arguments: calls.append(arguments)), FUNCTION)
    to_the_end(timeline)
    timeline.go_to(0)
    to_the_end(timeline)
    assert len(calls) == 1
    timeline.go_to(0)
    timeline.set_registers(timeline.registers)
    to_the_end(timeline)
    assert len(calls) == 2
    assert len(timeline.close().callbacks) == 1


@pytest.mark.parametrize("arch", catalog.names())
def test_another_future_from_every_moment(arch):
    """Whatever is forgotten, the call that is told of in the end is a whole one."""
    timeline = Timeline(prepared(arch, None), FUNCTION)
    to_the_end(timeline)
    end, length = state(timeline), timeline.position
    for moment in range(length, -1, -1):
        timeline.go_to(moment)
        timeline.set_registers(timeline.registers)
        to_the_end(timeline)
        assert timeline.position == length
        assert state(timeline) == end
    ran, stepped = prepared(arch, None).call(FUNCTION), timeline.close()
    assert (stepped.raw, stepped.values) == (ran.raw, ran.values)
    assert [hit.symbol for hit in stepped.hits] == [hit.symbol for hit in ran.hits]
    assert all(hit.landing for hit in stepped.hits)
    assert len(stepped.callbacks) == len(ran.callbacks)


def test_what_is_written_to_memory_is_undone_with_the_step_before_it():
    timeline = Timeline(laboratory("x86_64"), FUNCTION)
    timeline.go_to(10)
    sp = timeline.lab.layout.get(timeline.registers, "rsp")
    before = state(timeline)
    assert timeline.write(sp - 64, b"changed!")
    assert not timeline.write(0x1234, b"nowhere")
    after = state(timeline)
    timeline.back()
    timeline.forward()
    assert state(timeline) == after
    timeline.back()
    timeline.write(sp - 128, b"")
    timeline.forward()
    assert timeline.lab.image.memory.read(sp - 64, 8) != b"changed!"
    assert timeline.registers == before[0]


@pytest.mark.parametrize("arch", catalog.names())
def test_an_instruction_that_faults_has_not_happened(arch):
    timeline = Timeline(laboratory(arch), FUNCTION)
    lab = timeline.lab
    site = lab.record(FUNCTION).ip
    while timeline.pc != site:
        timeline.forward()
    timeline.forward()
    timeline.set_registers(lab.layout.pack({**lab.layout.unpack(timeline.registers), lab.arch.abi.sp: 0x10000}))
    before = state(timeline)
    while (trouble := timeline.forward()) is None:
        before = state(timeline)
    assert trouble.cause is Cause.MEMORY
    assert "unmapped memory" in trouble.text
    assert state(timeline) == before
    assert timeline.forward() == trouble
    timeline.back()
    assert timeline.pc != lab.layout.get(before[0], lab.arch.abi.pc)


def test_what_python_cannot_act_for_is_told_and_has_not_happened():
    def wrong(ip, parent_ip, op, regs):
        regs.ip = 0x1234
        raise UsageError("no more")

    timeline = Timeline(laboratory("x86_64", func=wrong), FUNCTION)
    while (trouble := timeline.forward()) is None:
        before = state(timeline)
    assert trouble == (None, "no more")
    assert timeline.lab.symbol(timeline.pc) == "probe_func"
    assert state(timeline) == before


def test_a_callback_that_calls_a_traced_function():
    lab = laboratory("x86_64", func=lambda *_: lab.call("vfs_write"))
    timeline = Timeline(lab, FUNCTION)
    to_the_end(timeline)
    end = state(timeline)
    timeline.go_to(0)
    to_the_end(timeline)
    assert state(timeline) == end
    assert [hit.symbol for hit in timeline.close().hits].count(FUNCTION) == 1


def test_a_loop_without_end_takes_no_more_memory_than_is_good(monkeypatch):
    monkeypatch.setattr(module, "MOST", 200)
    timeline = Timeline(laboratory("x86_64"), FUNCTION)
    timeline.go_to(5)
    timeline.write(timeline.pc, b"\xeb\xfe")
    trouble = timeline.go_to(10**6)
    assert "no more are kept" in trouble.text
    assert len(timeline.steps) == 200


def test_it_begins_again(monkeypatch):
    calls = []
    timeline = Timeline(laboratory("arm", func=lambda *_: calls.append(1)), FUNCTION)
    first = state(timeline)
    to_the_end(timeline)
    timeline.go_to(20)
    timeline.restart()
    assert state(timeline) == first
    to_the_end(timeline)
    assert len(calls) == 2

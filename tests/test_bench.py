# SPDX-License-Identifier: GPL-2.0-only
"""The comparison: both sides of a row come to equal facts, and rows come out. Nothing here looks at a clock."""

from __future__ import annotations

import dataclasses
import os
import shutil

import pytest

from emulator import Lab, RunError, bench, catalog
from emulator.bench import debugger, facts, sessions
from emulator.bench.bare import Bare
from emulator.bench.documented import Documented, DocumentedTrace
from emulator.bench.rounds import Ratio, interleave
from emulator.bench.subject import Subject
from gdb_sessions import gdb, needs_gdb

EVERY = [catalog.load(name) for name in catalog.names()]
ARM, X86 = catalog.load("arm"), catalog.load("x86_64")


@pytest.fixture(params=EVERY, ids=lambda arch: arch.name)
def subject(request):
    return Subject(request.param)


def test_a_checked_call_tells_what_the_documented_way_tells(subject):
    way = Documented(subject)
    for _ in range(2):
        way.run()
        ours = facts.checked(subject.call())
        facts.expect_equal(ours, way.facts())
    assert len(ours.passages) == 2
    assert len(ours.arguments) == 4
    assert len(ours.record) == subject.lab.struct.size


def test_a_traced_call_tells_what_the_documented_way_tells(subject):
    way = DocumentedTrace(subject)
    for _ in range(2):
        way.run()
        ours = facts.traced(subject.trace())
        facts.expect_equal(ours, way.facts())
    address = ours.arguments[subject.record]
    assert sum(byte in ours.writers for byte in range(address, address + len(ours.record))) > len(ours.record) // 2
    assert len(ours.instructions) > 20


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(facts.Traced)])
def test_a_fact_that_differs_is_named(name):
    ours = facts.traced(Subject(X86).trace())
    facts.expect_equal(ours, dataclasses.replace(ours))
    with pytest.raises(RunError, match=f"differ in {name}"):
        facts.expect_equal(ours, dataclasses.replace(ours, **{name: ()}))


def test_the_bare_run_gets_to_the_exit(subject):
    bare = Bare(subject)
    bare.run()
    layout = subject.lab.layout
    assert layout.get(bare._machine.registers.read(), subject.arch.abi.pc) == subject.exit


def test_rows_come_out_and_fit():
    rows = [row for arch in EVERY for row in bench.run(arch, rounds=1)]
    assert [(row.arch, row.what) for row in rows] == [
        (arch.name, what) for arch in EVERY for what in ("checked call", "traced call")
    ]
    assert all(min(row.bare, row.documented, row.product) > 0 for row in rows)
    text = bench.render(rows, 1)
    assert max(map(len, text.splitlines())) <= 100
    assert all(f"{row.arch} {row.variant} {row.what}" in text for row in rows)


def test_the_whole_comparison_is_one_text():
    text = bench.bench([ARM], rounds=2)
    assert text.count("checked call") == text.count("traced call") == 1


def test_ways_take_turns():
    order = []
    seconds = interleave({name: lambda name=name: order.append(name) for name in "ab"}, rounds=3)
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}
    turns = [name for name, before in zip(order, [None, *order], strict=False) if name != before]
    assert turns == list("ab" * 4)


@pytest.mark.parametrize("rounds", [0, -1])
def test_no_rounds_are_refused(rounds):
    with pytest.raises(ValueError, match="measure nothing"):
        interleave({"a": list}, rounds)


def test_a_ratio_is_taken_within_each_round():
    assert Ratio.of([10.0, 40.0, 30.0], [1.0, 2.0, 1.0]) == Ratio(20.0, 15.0, 25.0)
    assert Ratio.of([3.0], [2.0]) == Ratio(1.5, 1.5, 1.5)


# -- steps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", EVERY, ids=lambda arch: arch.name)
def test_steps_of_both_ways_come_to_the_same_instruction(arch):
    row = debugger._steps(arch, 1)
    assert row.ratio.median > 0
    text = debugger.render([row])
    assert f"{arch.name} a step that can be undone" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.gdb
@needs_gdb
@pytest.mark.parametrize("arch", EVERY, ids=lambda arch: arch.name)
def test_gdb_steps_to_the_same_instruction_through_both_servers(arch):
    if shutil.which(f"qemu-{arch.engine.qemu}") is None:
        pytest.skip(f"needs qemu-{arch.engine.qemu} (qemu-user)")
    row = debugger._stepi(arch, 1)
    assert isinstance(row, debugger.Row)
    assert row.ours > 0 < row.other


@pytest.mark.gdb
@needs_gdb
@pytest.mark.skipif(shutil.which("qemu-arm") is None, reason="needs qemu-arm (qemu-user)")
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not say which processors are whose")
def test_both_sides_of_a_session_share_a_processor_and_afterwards_nobody_does():
    before = os.sched_getaffinity(0)
    with sessions._one_processor():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_sessions_that_part_are_no_comparison(monkeypatch):
    ends = iter([sessions.Stepped(1.0, "here"), sessions.Stepped(1.0, "there")])
    monkeypatch.setattr(sessions, "_served", lambda *_: next(ends))
    with pytest.raises(RunError, match="arm: stepi comes to here, with QEMU to there"):
        sessions.measure(catalog.load("arm"), 1)


@needs_gdb
@pytest.mark.gdb
def test_a_session_that_does_not_step_is_an_error():
    with pytest.raises(RunError, match=r"did not step \d+ times(.|\n)*nowhere"):
        sessions._session(gdb() or "", Lab("x86_64"), "/nonexistent/nowhere")


def test_what_cannot_be_measured_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert debugger._stepi(X86, 1) == "x86_64 stepi in gdb: not measured, there is no gdb"
    assert "not measured" in debugger.render(["x86_64 stepi in gdb: not measured, there is no gdb"])

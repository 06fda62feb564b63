# SPDX-License-Identifier: GPL-2.0-only
"""Runs of the image's functions: how they end, calls within calls, patches on the way, and traces without holes."""

from __future__ import annotations

import pytest

from emulator import FtraceOps, Lab, catalog
from emulator.description import Ability
from emulator.errors import Fault, LimitReached, RunError, UnknownName
from emulator.machine import engine
from emulator.runner import NESTING

ARCHS = ("x86_64", "arm")
DYNAMIC = [
    (arch.name, variant.name)
    for arch in map(catalog.load, ARCHS)
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE in variant.abilities
]
FUNCTION, OTHER, AROUND = "vfs_read", "vfs_write", "kernel_read"  # kernel_read calls vfs_read
TRAPS = {"x86_64": ("cc", "f4", "ebfe"), "arm": ("000000ef", "03f020e3", "feffffea")}
TRACE = pytest.mark.parametrize("trace", [False, True], ids=["plain", "traced"])


@pytest.fixture(params=ARCHS)
def lab(request):
    return Lab(request.param)


def traced_by(lab, func, *functions):
    """An ops registered on these functions that is called directly in every release."""
    safe = {"RECURSION_SAFE"} & {lab.release.protects_ops}
    ops = FtraceOps("probe", func, flags=safe)
    for function in functions:
        lab.set_filter(ops, function)
    lab.register(ops)
    return ops


def silent(ip, parent_ip, op, regs):
    pass


def behind_the_site(lab, function=FUNCTION):
    return lab.record(function).ip + len(lab.variant.site.nop)


def damage(lab, code):
    """Other code behind the site; a function that puts back what was there."""
    address, code = behind_the_site(lab), bytes.fromhex(code)
    before = lab.image.memory.read(address, len(code))
    lab.image.memory.write(address, code)
    return lambda: lab.image.memory.write(address, before)


# -- ends ---------------------------------------------------------------------------------------------------------


@TRACE
def test_a_run_returns_and_says_so(lab, trace):
    recording = lab.run(FUNCTION, trace=trace)
    assert recording.outcome is None
    assert lab.layout.get(recording.registers, lab.arch.abi.pc) == lab.image.exit
    assert (recording.shape is not None) is trace
    assert [hit.landing is not None for hit in recording.hits] == [True] * len(recording.hits)


def test_the_same_run_is_the_same_each_time_whatever_the_engine(lab):
    traced_by(lab, silent, FUNCTION)
    runs = [lab.call(FUNCTION, trace=trace) for trace in (True, False, True, False)]
    assert len({run.registers for run in runs}) == 1
    assert len({tuple(hit.registers + (hit.landing or b"") + hit.stack for hit in run.hits) for run in runs}) == 1
    assert runs[0].raw == runs[2].raw
    assert runs[0].shape is runs[2].shape


def test_an_unknown_function_is_named(lab):
    with pytest.raises(UnknownName, match="vfs_raed"):
        lab.call("vfs_raed")


@TRACE
def test_a_cpu_exception_is_a_fault_at_its_instruction(lab, trace):
    good = lab.call(FUNCTION, trace=trace).registers
    repair = damage(lab, TRAPS[lab.arch.name][0])
    with pytest.raises(Fault, match="CPU exception") as caught:
        lab.call(FUNCTION, trace=trace)
    assert caught.value.recording.function == FUNCTION
    if trace:
        assert caught.value.where == lab.where(behind_the_site(lab))
    repair()
    assert lab.call(FUNCTION, trace=trace).registers == good


@TRACE
def test_a_halt_is_not_the_end(lab, trace):
    repair = damage(lab, TRAPS[lab.arch.name][1])
    outcome = lab.run(FUNCTION, trace=trace).outcome
    assert "halted" in str(outcome)
    assert isinstance(outcome, Fault if trace else LimitReached)
    repair()
    assert lab.run(FUNCTION, trace=trace).outcome is None


@TRACE
def test_an_endless_loop_reaches_the_limit(lab, trace):
    damage(lab, TRAPS[lab.arch.name][2])
    with pytest.raises(LimitReached, match="not back within 500 instructions") as caught:
        lab.call(FUNCTION, trace=trace, limit=500)
    assert caught.value.where == lab.where(behind_the_site(lab))


def test_the_limit_counts_instructions_exactly(lab):
    traced_by(lab, silent, FUNCTION)
    whole = lab.call(FUNCTION).shape.pcs
    for limit in (1, 2, len(whole) // 2, len(whole) - 2):
        recording = lab.run(FUNCTION, limit=limit)
        assert isinstance(recording.outcome, LimitReached)
        assert recording.shape.pcs == whole[:limit]
    assert lab.run(FUNCTION, limit=len(whole)).outcome is None


# -- calls within calls -------------------------------------------------------------------------------------------


def nest(lab, depth, innermost, *, trace=True):
    """A callback that calls its function again until `depth` runs are under way; then innermost() is called."""
    recordings = []

    def func(ip, parent_ip, op, regs):
        if len(recordings) == depth - 1:
            innermost()
            return
        recordings.append(None)
        number = len(recordings) - 1
        recordings[number] = lab.call(FUNCTION, trace=trace)

    traced_by(lab, func, FUNCTION)
    return recordings


@TRACE
@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_calls_nest(arch, variant, trace):
    lab = Lab(arch, variant=variant)
    alone = lab.call(FUNCTION, trace=trace)
    direct = Ability.ARCH_SUPPORTS_FTRACE_OPS in lab.variant.abilities or lab.release.name == "3.6"
    depth = NESTING if direct else 2  # the list function does not let itself be entered so often
    calls = []
    inner = nest(lab, depth, lambda: calls.append(None), trace=trace)
    outer = lab.call(FUNCTION, trace=trace)
    if Ability.FRAME_POINTER not in lab.variant.abilities:  # with frames the result depends on where the stack is
        assert [recording.result for recording in (outer, *inner)] == [alone.result] * depth
    assert outer.result == alone.result
    assert [recording.nested for recording in (outer, *inner)] == [False] + [True] * (depth - 1)
    assert len(calls) == direct
    if trace:
        assert len({tuple(recording.shape.pcs) for recording in (outer, *inner)}) <= 2


@TRACE
def test_too_deep_a_call_is_refused_and_the_engines_go_on(lab, trace):
    good = lab.call(FUNCTION, trace=trace).result
    nest(lab, NESTING + 1, silent, trace=trace)
    with pytest.raises(LimitReached, match=f"more than {NESTING} deep"):
        lab.call(FUNCTION, trace=trace)
    lab.unregister(lab.core.ops[0])
    assert lab.call(FUNCTION, trace=trace).result == good


@TRACE
def test_what_the_innermost_callback_raises_reaches_the_outermost_caller(lab, trace):
    good = lab.call(FUNCTION, trace=trace).result

    def fail():
        raise ZeroDivisionError

    nest(lab, NESTING, fail, trace=trace)
    with pytest.raises(ZeroDivisionError):
        lab.call(FUNCTION, trace=trace)
    lab.unregister(lab.core.ops[0])
    assert lab.call(FUNCTION, trace=trace).result == good


@TRACE
def test_a_callback_may_survive_what_its_own_call_raises(lab, trace):
    alone = lab.call(FUNCTION, trace=trace).result
    seen = []

    def func(ip, parent_ip, op, regs):
        try:
            lab.call(OTHER, trace=trace, limit=1)
        except LimitReached as error:
            seen.append(error.recording.function)

    traced_by(lab, func, FUNCTION)
    assert lab.call(FUNCTION, trace=trace).result == alone
    assert seen == [OTHER]


@TRACE
def test_after_an_inner_call_the_limit_of_the_outer_still_holds(lab, trace):
    traced_by(lab, lambda *_: lab.call(OTHER, trace=trace), FUNCTION)
    damage(lab, TRAPS[lab.arch.name][2])
    recording = lab.run(FUNCTION, trace=trace, limit=700)
    assert isinstance(recording.outcome, LimitReached)
    if trace:
        assert len(recording.shape.pcs) == 700


def test_laboratories_call_each_other(lab):
    other = Lab(lab.arch.name, seed=2)
    alone = lab.call(FUNCTION).result, other.call(FUNCTION).result
    seen = []
    traced_by(lab, lambda *_: seen.append(other.call(FUNCTION).result), FUNCTION)
    assert (lab.call(FUNCTION).result, *seen) == alone
    assert alone[0] != alone[1]


# -- patches ------------------------------------------------------------------------------------------------------


def test_both_engines_see_what_the_core_patches(lab):
    calls = []
    for trace in (False, True, True, False):
        ops = traced_by(lab, lambda *_: calls.append(None), FUNCTION)
        lab.call(FUNCTION, trace=trace)
        lab.call(FUNCTION, trace=not trace)
        assert len(calls) == 2
        lab.unregister(ops)
        lab.call(FUNCTION, trace=trace)
        lab.call(FUNCTION, trace=not trace)
        assert len(calls) == 2
        calls.clear()


@TRACE
def test_a_patch_made_by_a_callback_is_seen_within_the_same_run(lab, trace):
    calls = []

    def func(ip, parent_ip, op, regs):
        calls.append(lab.symbol(ip))
        if len(calls) == 3:
            lab.unregister(ops)

    ops = traced_by(lab, func, AROUND, FUNCTION)
    names = [lab.symbol(lab.record(name).ip) for name in (AROUND, FUNCTION)]
    lab.call(AROUND, trace=trace)  # the translations are there
    assert calls == names
    lab.call(AROUND, trace=trace)
    assert calls == [*names, names[0]]


# -- traces without holes -----------------------------------------------------------------------------------------


def test_a_write_that_no_event_explains_is_an_error(lab):
    def func(ip, parent_ip, op, regs):
        """Take back a write that the hook has noted, as if it had not been called."""
        tracer = running(lab)
        tracer.events.remove(max(event for event in tracer.events if event < 0))
        tracer.values.pop()

    traced_by(lab, func, FUNCTION)
    with pytest.raises(RunError, match=r"the byte at 0x\w+ \(stack\) has changed, but no write"):
        lab.call(FUNCTION)


def test_a_change_of_data_that_no_event_explains_is_an_error(lab):
    def func(ip, parent_ip, op, regs):
        lab.image.data.data[-1] ^= 1

    traced_by(lab, func, FUNCTION)
    with pytest.raises(RunError, match=r"\(data\) has changed"):
        lab.call(FUNCTION)


def running(lab):
    """The tracer of the run that is under way."""
    return next(machine.tracer for machine in engine._machines(lab.arch, engine.Tracer) if machine.running)


def test_what_python_writes_is_explained(lab):
    memory = lab.image.memory

    def func(ip, parent_ip, op, regs):
        memory.write(lab.image.stack.base, b"a callback's own")
        memory.write_word(lab.image.data.end - 8, 1)
        lab.call(OTHER, trace=False)

    traced_by(lab, func, FUNCTION)
    lab.call(FUNCTION)


def test_what_one_run_leaves_behind_is_not_the_next_ones(lab):
    traced_by(lab, lambda *_: lab.image.memory.write_word(lab.image.data.end - 8, 1), FUNCTION)
    lab.call(FUNCTION, trace=False)
    lab.image.memory.write(lab.image.stack.base, b"beside a run")
    lab.call(OTHER)


def test_memory_is_looked_at_once_for_each_trace_and_state_of_the_code(lab, monkeypatch):
    looks, look = [], lab.runner._expect_complete

    def counted(shape, state):
        looks.append(shape)
        look(shape, state)

    monkeypatch.setattr(lab.runner, "_expect_complete", counted)
    for _ in range(3):
        lab.call(FUNCTION)
    assert len(looks) == 1
    lab.call(OTHER)
    assert len(looks) == 2
    lab.image.memory.write(lab.image.exit + 0x100, b"other code")
    lab.call(FUNCTION)
    assert len(looks) == 3

# SPDX-License-Identifier: GPL-2.0-only
"""Steps: a recorded call once more, instruction by instruction."""

from __future__ import annotations

import pytest

from emulator import FtraceOps, Lab, UsageError, catalog
from emulator.description import Ability
from emulator.machine import engine
from emulator.steps import Store, steps

DYNAMIC = [
    (arch.name, variant.name)
    for arch in map(catalog.load, ("x86_64", "arm"))
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE in variant.abilities
]
FUNCTION = "vfs_read"


class Callback:
    """Changes the first argument where it gets regs, and counts."""

    def __init__(self):
        self.calls = 0

    def __call__(self, ip, parent_ip, op, regs):
        self.calls += 1
        if regs is not None:
            name = "ax" if "ax" in dir(regs) else "r0"
            setattr(regs, name, getattr(regs, name) ^ 0x55)


def laboratory(arch, variant=None, func=None, flags=None):
    lab = Lab(arch, variant=variant)
    regs = Ability.DYNAMIC_FTRACE_WITH_REGS in lab.variant.abilities
    ops = FtraceOps("probe", func or Callback(), flags=({"SAVE_REGS"} if regs else set()) if flags is None else flags)
    lab.set_filter(ops, FUNCTION)
    lab.register(ops)
    return lab


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_steps_are_the_recordings_own(arch, variant):
    func = Callback()
    lab = laboratory(arch, variant, func)
    recording = lab.call(FUNCTION)
    stack, contents = lab.image.stack.data[:], lab.image.memory.contents()
    found = steps(recording)
    assert func.calls == 1
    assert (lab.image.stack.data[:], lab.image.memory.contents()) == (stack, contents)
    assert [step.address for step in found] == list(recording.shape.pcs[:-1])
    assert [step.event for step in found] == list(recording.shape.step_events[:-1])
    stores = [
        Store(write.address, write.size, value & (1 << 8 * write.size) - 1)
        for write, value in zip(recording.shape.writes, recording.values, strict=True)
    ]
    assert [store for step in found for store in step.writes] == stores


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_the_changes_lead_from_the_entry_to_the_exit(arch, variant):
    lab = laboratory(arch, variant)
    recording = lab.call(FUNCTION)
    first = engine.stepping(lab.arch)
    found = steps(recording)
    now = lab.layout.unpack(first.tracer.states[0])
    marks = {hit.event: hit.registers for hit in recording.hits}
    marks |= {hit.landing_event: hit.landing for hit in recording.hits}
    for step in found:
        known = marks.pop(step.event + 1, None)  # a gate listens when the tracer has noted its instruction
        assert known is None or compared(lab, lab.layout.unpack(known)) == compared(lab, now)
        for name, (old, new) in step.registers.items():
            assert now[name] == old != new
            now[name] = new
    assert not marks
    assert compared(lab, now) == compared(lab, lab.layout.unpack(recording.registers))


def compared(lab, registers):
    return {name: value for name, value in registers.items() if name != lab.arch.abi.pc}


@pytest.mark.parametrize("arch", ["x86_64", "arm"])
def test_steps_are_those_of_an_engine_that_runs_one_instruction_at_a_time(arch):
    """Nobody is registered: no C function takes part, so that single steps come to the same."""
    lab = Lab(arch)
    found = steps(lab.call(FUNCTION))
    runner, machine = lab.runner, engine.plain(lab.arch)
    packed = runner.prepare(runner.state())
    machine.attach(object(), lab.image.memory, (), lab.image.exit)
    pc = runner.entry(FUNCTION)
    for step in found:
        assert step.address == pc
        stop = machine.run(pc, packed, 1)
        old, new = lab.layout.unpack(packed), lab.layout.unpack(stop.registers)
        pc, packed = new[lab.arch.abi.pc], stop.registers
        changed = {name: (old[name], new[name]) for name in old if old[name] != new[name] and name != lab.arch.abi.pc}
        assert step.registers == changed
        for store in step.writes:
            assert lab.image.memory.read_word(store.address, store.size) == store.value


@pytest.mark.parametrize("arch", ["x86_64", "arm"])
def test_a_run_that_went_wrong_has_steps_too(arch):
    lab = laboratory(arch)
    recording = lab.run(FUNCTION, limit=20)
    assert [step.address for step in steps(recording)] == list(recording.shape.pcs)


@pytest.mark.parametrize("arch", ["x86_64", "arm"])
def test_a_kernel_that_has_changed_since_is_changed_back_meanwhile(arch):
    lab = laboratory(arch)
    recording = lab.call(FUNCTION)
    lab.unregister(lab.core.ops[0])
    after = lab.call(FUNCTION)
    assert [step.address for step in steps(recording)] == list(recording.shape.pcs[:-1])
    assert lab.call(FUNCTION).raw == after.raw


def test_what_was_not_traced_has_no_steps():
    with pytest.raises(UsageError, match="not traced"):
        steps(laboratory("arm").call(FUNCTION, trace=False))


def test_a_call_within_a_call_has_no_steps_of_its_own_but_the_outer_has():
    inner = []

    def func(ip, parent_ip, op, regs):
        if not inner:
            inner.append(None)
            inner[0] = lab.call("vfs_write")

    lab = laboratory("x86_64", func=func)
    outer = lab.call(FUNCTION)
    with pytest.raises(UsageError, match="made by a callback"):
        steps(inner[0])
    assert [step.address for step in steps(outer)] == list(outer.shape.pcs[:-1])


def test_steps_within_a_run_are_refused():
    lab = Lab("x86_64")
    recording = lab.call(FUNCTION)
    ops = FtraceOps("probe", lambda *_: steps(recording))
    lab.set_filter(ops, FUNCTION)
    lab.register(ops)
    with pytest.raises(UsageError, match="when the call has returned"):
        lab.call(FUNCTION)


def test_a_run_that_cannot_be_made_again_says_so():
    def func(ip, parent_ip, op, regs):
        """Let the traced function return elsewhere, behind the back of memory, which notes what Python writes."""
        slot = lab.layout.get(lab.runner._active[-1].open[-1].registers, "rsp") - lab.image.stack.base
        lab.image.stack.data[slot : slot + 8] = lab.image.exit.to_bytes(8, "little")

    lab = laboratory("x86_64", func=func)
    with pytest.raises(UsageError, match="that nobody noticed"):
        steps(lab.run(FUNCTION))

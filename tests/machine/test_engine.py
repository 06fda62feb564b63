# SPDX-License-Identifier: GPL-2.0-only
"""The engine: how runs end, what gates may do, and that code which changed is the code that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.machine import engine
from emulator.machine.engine import Gate, Machine
from emulator.machine.trace import Tracer

if TYPE_CHECKING:
    from tests.machine.conftest import Guest


def ends_well(guest: Guest) -> bool:
    guest.put()
    stop = guest.run()
    return not stop.error and guest.pc(stop) == guest.exit


def test_a_run_ends_at_the_exit(guest):
    assert ends_well(guest)


def test_registers_come_out_as_they_went_in(guest):
    guest.put()
    names = [name for name in guest.layout.names if name not in (guest.arch.abi.pc, guest.arch.abi.flags)]
    values = {name: number + 1 for number, name in enumerate(names)}
    seen = guest.layout.unpack(guest.run(**values).registers)
    assert {name: seen[name] for name in names} == values


FAULTS = {
    "load": (0, "a read of unmapped memory (0x0, "),
    "store": (0, "a write to unmapped memory (0x0, "),
    "jump": (0, "a jump to unmapped memory (0x0, "),
    "jump into data": ("data", "a jump into data ("),
    "store to text": ("text", "a write to protected memory ("),
    "illegal": (0, "Invalid instruction"),
    "trap": (0, "CPU exception "),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("make_tracer", [None, Tracer])
def test_a_fault_is_named_and_the_engine_goes_on(arch, guest, fault, make_tracer):
    guest.machine = Machine(arch, make_tracer)
    target, message = FAULTS[fault]
    guest.put(getattr(guest.code, fault.split()[0]))
    stop = guest.run(result=getattr(guest, target).base if isinstance(target, str) else target)
    assert stop.error.startswith(message)
    if isinstance(target, str):
        assert hex(getattr(guest, target).base) in stop.error
    assert ends_well(guest)


def test_an_access_to_data_is_legal(guest):
    guest.put(guest.code.store, guest.code.load)
    assert guest.run(result=guest.data.base).error == ""
    assert guest.memory.read_word(guest.data.base) == guest.data.base


def test_a_halt_ends_the_run_before_the_exit(guest):
    behind = guest.put(guest.code.halt)
    stop = guest.run()
    assert not stop.error
    assert guest.pc(stop) == behind
    assert ends_well(guest)


@pytest.mark.parametrize("limit", [1, 2, 17, 5000])
def test_the_limit_is_exact(traced, limit):
    traced.put(traced.code.loop)
    stop = traced.run(limit=limit)
    assert stop.error == ""
    assert traced.machine.tracer.events == [traced.start] * limit
    assert traced.pc(stop) == traced.start


def test_a_gate_sees_registers_and_may_change_them(guest):
    guest.put()
    result, seen = guest.arch.abi.returns[0], []

    def handler(address):
        packed = guest.machine.registers.read()
        seen.append((address, guest.layout.get(packed, result)))
        guest.machine.registers.write(guest.layout.pack(guest.layout.unpack(packed) | {result: 7}))

    guest.gates = [Gate(guest.start, guest.start, handler)]
    assert guest.layout.get(guest.run(result=5).registers, result) == 7
    assert seen == [(guest.start, 5)]


def test_what_a_gate_raises_reaches_the_caller_and_the_engine_goes_on(guest):
    guest.put()
    raising = True

    def handler(_address):
        if raising:
            raise KeyboardInterrupt

    guest.gates = [Gate(guest.start, guest.start, handler)]
    with pytest.raises(KeyboardInterrupt):
        guest.run()
    raising = False
    assert ends_well(guest)


def test_a_gate_may_stop_the_run(guest):
    guest.put()
    guest.gates = [Gate(guest.start, guest.start, lambda _address: guest.machine.stop())]
    stop = guest.run()
    assert not stop.error
    assert guest.pc(stop) != guest.exit


def test_an_engine_is_not_entered_twice(guest):
    guest.put()
    guest.gates = [Gate(guest.start, guest.start, lambda _address: guest.run())]
    with pytest.raises(RuntimeError, match="another one"):
        guest.run()
    guest.gates = []
    guest.machine.attach(object(), guest.memory, (), guest.exit)
    assert ends_well(guest)


def forget(machine):
    """The events of other tests."""
    if machine.tracer:
        machine.tracer.clear()


@pytest.mark.parametrize("kind", [engine.plain, engine.tracing, engine.stepping])
def test_an_idle_engine_is_used_again_and_a_running_one_is_not(arch, guest, kind):
    guest.machine = outer = kind(arch)
    assert kind(arch) is outer
    forget(outer)
    inner = []

    def handler(address):
        if address == guest.start and not inner:
            inner.append(kind(arch))
            forget(inner[0])
            guest.machine = inner[0]
            inner.append(guest.run(start=guest.start, result=2, limit=3))
            guest.machine = outer

    guest.put(guest.code.nop, guest.code.nop, guest.code.loop)
    loop = guest.start + 2 * len(bytes.fromhex(guest.code.nop))
    guest.gates = [Gate(guest.start, guest.start, handler)]
    stop = guest.run(result=1, limit=300)
    machine, inner_stop = inner
    assert machine is not outer
    assert [guest.layout.get(end.registers, arch.abi.returns[0]) for end in (stop, inner_stop)] == [1, 2]
    assert [guest.pc(end) for end in (stop, inner_stop)] == [loop, loop]
    if outer.tracer:
        assert len(outer.tracer.events) == 300
        assert len(machine.tracer.events) == 3


def test_a_jump_to_null_is_a_fault_and_no_end(guest):
    guest.put(guest.code.jump)
    assert guest.run(result=0).error.startswith("a jump to unmapped memory (0x0")


def test_code_that_python_changed_is_what_runs(guest):
    guest.put(guest.code.loop)
    assert guest.pc(guest.run(limit=50)) == guest.start
    assert ends_well(guest)
    guest.put(guest.code.loop)
    assert guest.pc(guest.run(limit=50)) == guest.start


def test_code_that_a_gate_changed_is_what_runs(guest):
    there = guest.start + 0x400
    guest.put()
    assert ends_well(guest)

    def handler(_address):
        guest.memory.write(there, bytes.fromhex(guest.code.loop))
        guest.machine.forget_patches()

    before = guest.start + 0x100
    guest.gates = [Gate(before, before, handler)]
    guest.machine.attach(object(), guest.memory, (), guest.exit)
    assert guest.pc(guest.run(limit=5000)) == there


def test_an_engine_is_lent_to_several_guests_in_turn(arch, guest):
    other = type(guest)(arch)
    other.machine = guest.machine
    other.put(other.code.store)
    guest.put()
    for _ in range(3):
        assert guest.pc(guest.run()) == guest.exit
        assert other.run(result=other.data.base).error == ""
        assert other.memory.read_word(other.data.base) == other.data.base
        assert guest.memory.read_word(guest.data.base) == 0
        other.memory.write_word(other.data.base, 0)


def test_a_stranger_is_not_heard(arch, guest):
    calls = []
    guest.put()
    guest.gates = [Gate(guest.start, guest.start, calls.append)]
    guest.run()
    guest.machine.attach(object(), guest.memory, (), guest.exit)
    guest.machine.run(guest.start, guest.layout.pack(dict.fromkeys(guest.layout.names, 0)), 5000)
    assert len(calls) == 1

# SPDX-License-Identifier: GPL-2.0-only
"""A recorded call once more, with all registers before every instruction. The user's code does not run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from emulator.errors import UsageError
from emulator.machine import engine
from emulator.machine.engine import Machine
from emulator.machine.trace import StateTracer, Tracer
from emulator.recording import Recording, State
from emulator.runner import Runner


class Store(NamedTuple):
    """`size` bytes of memory that an instruction wrote, as an unsigned number."""

    address: int
    size: int
    value: int


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: `event` is its position in the raw trace, `registers` are {name: (old, new)} of what changed.

    At the return instruction of a C function the changes are the function's own.
    """

    address: int
    event: int
    registers: dict[str, tuple[int, int]]
    writes: tuple[Store, ...]


def steps(recording: Recording) -> list[Step]:
    """Every instruction of a traced run, the exit apart, which never ran.

    The run is made once more from its start, with what C functions did to memory substituted. Raises UsageError
    for a run that was not traced, for one that a callback made, and for one that cannot be repeated in this way.
    """
    if recording.shape is None:
        raise UsageError("the run was not traced: its steps are not known")
    if recording.nested:
        raise UsageError("the run was made by a callback: only a whole run can be made again, step by step")
    machine = engine.stepping(recording.lab.arch)
    tracer = machine.tracer
    assert isinstance(tracer, StateTracer)  # noqa: S101 - engine.stepping() says so
    last = _Again(recording, machine, tracer).run(len(recording.shape.pcs))
    if tuple(tracer.events) != recording.raw or tuple(tracer.values) != recording.values:
        raise UsageError("the run cannot be repeated: a callback changed memory in a way that nobody noticed")
    return list(_steps(recording, [*tracer.states, last]))


def _steps(recording: Recording, states: list[bytes]) -> Iterator[Step]:
    shape, unpack, pc = recording.shape, recording.lab.layout.unpack, recording.lab.arch.abi.pc
    assert shape is not None  # noqa: S101 - steps() has looked
    writes: dict[int, list[Store]] = {}
    for write, value in zip(shape.writes, recording.values, strict=True):
        store = Store(write.address, write.size, value & (1 << 8 * write.size) - 1)
        writes.setdefault(write.step, []).append(store)
    ran = shape.pcs if recording.outcome else shape.pcs[:-1]
    known = zip(ran, shape.step_events, pairwise(unpack(packed) for packed in states), strict=False)
    for number, (address, event, (old, new)) in enumerate(known):
        changed = {name: (old[name], new[name]) for name in old if name != pc and old[name] != new[name]}
        yield Step(address, event, changed, tuple(writes.get(number, ())))


class _Again:
    """The run once more. It listens at the gates in the place of Runner, and does there what the callbacks did."""

    def __init__(self, recording: Recording, machine: Machine, tracer: Tracer) -> None:
        self._recording, self._lab = recording, recording.lab
        self._machine, self._tracer = machine, tracer
        self._arrivals = {arrival.event: arrival for arrival in recording.arrivals}

    def run(self, limit: int) -> bytes:
        """Do it; the registers at its end, packed. Afterwards memory is as before."""
        runner, image = self._lab.runner, self._lab.image
        with runner.replaying(self), self._memory_of_the_run():
            runner.prepare(self._recording.state)
            self._tracer.clear()
            self._machine.attach(runner, image.memory, runner.gates, image.exit, runner.trap)
            return self._machine.run(runner.entry(self._recording.function), self._recording.first, limit).registers

    @property
    def state(self) -> State:
        """Memory as it was in the recorded run."""
        return self._recording.state

    @contextmanager
    def _memory_of_the_run(self) -> Iterator[None]:
        memory, stack = self._lab.image.memory, self._lab.image.stack
        now, was = memory.contents(), stack.data[:]
        memory.restore(self._recording.state.contents)
        try:
            yield
        finally:
            memory.restore(now)
            stack.data[:] = was

    def at_function(self, runner: Runner, _address: int) -> None:
        """A C function is entered: its effects are known."""
        arrival, registers = self._arrivals.get(len(self._tracer.events)), self._machine.registers
        for address, data in arrival.effects if arrival else ():
            self._lab.image.memory.write(address, data)
        self._machine.forget_patches()
        registers.write(runner.after(registers.read(), arrival.result if arrival else None))

    def at_landing(self) -> None:
        """Nothing to do: the run goes on."""

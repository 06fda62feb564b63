# SPDX-License-Identifier: GPL-2.0-only
"""The way from a site to a C function again, with other inputs. Neither the core nor a callback takes part."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from emulator.description import Const, Reg, Return, Sum, Value, Word
from emulator.seeding import random_registers

if TYPE_CHECKING:
    from emulator.machine.engine import Machine
    from emulator.machine.trace import Shape
    from emulator.recording import Arrival, Hit, State
    from emulator.runner import Runner

LIMIT = 20_000
STEP = 64
"""Bytes by which the stack moves from one set of inputs to the next; a multiple of every ABI's alignment."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a trampoline finds at the site: registers by name, and the whole stack region, which begins at `base`."""

    registers: dict[str, int]
    stack: bytes
    base: int
    word: int
    order: Literal["little", "big"]

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the stack as they were at the site; fewer where the stack ends."""
        start = address - self.base
        return self.stack[start : start + size] if start >= 0 else b""

    def evaluate(self, value: Value, landing: int) -> int | None:
        """A value of the vocabulary for these inputs; None where it reads memory that is not stack."""
        mask = (1 << 8 * self.word) - 1
        match value:
            case Reg(name):
                return self.registers[name]
            case Sum(base, offset):
                return self.registers[base] + offset & mask
            case Word(base, offset):
                data = self.read(self.registers[base] + offset, self.word)
                return int.from_bytes(data, self.order) if len(data) == self.word else None
            case Return():
                return landing
            case Const(number):
                return number & mask


def recorded(hit: Hit) -> Inputs:
    """The inputs of the run itself."""
    arch = hit.lab.arch
    registers = hit.lab.layout.unpack(hit.registers)
    return Inputs(registers, hit.stack, hit.lab.image.stack.base, arch.word, arch.order)


def varied(hit: Hit, number: int) -> Inputs:
    """Other inputs: the stack elsewhere, other poison under it, other numbers in it and in the registers.

    What pointed into the stack still points to the same place of it, so that frames stay frames.
    """
    was, stack = recorded(hit), hit.lab.image.stack
    numbers = random.Random(f"inputs {hit.lab.seed} {number}")
    shift = -STEP * number
    registers = random_registers(hit.lab.arch, numbers)
    for name, value in was.registers.items():
        if stack.base <= value < stack.end:
            registers[name] = value + shift
    content = bytearray(numbers.randbytes(stack.size))
    first = max(was.registers[hit.lab.arch.abi.sp], stack.base - shift)
    for address in range(first, stack.end - was.word + 1, was.word):
        value = int.from_bytes(was.read(address, was.word), was.order)
        value = value + shift if stack.base <= value < stack.end else numbers.getrandbits(8 * was.word)
        start = address + shift - stack.base
        content[start : start + was.word] = value.to_bytes(was.word, was.order)
    return Inputs(registers, bytes(content), stack.base, was.word, was.order)


@dataclass(slots=True)
class Replay:
    """One replay up to an arrival or, with an `edit`, on to the landing.

    `edit` is {offset in the record: bytes} that a callback would have written. Afterwards `record` is the record as it
    arrived (None: the run did not come to the arrival), `arrived` the registers then, `landing` those at landing, and
    `elsewhere` whether control went to the address `Runner.elsewhere` instead. With neither of them, `error` says what
    went wrong.
    """

    arrival: Arrival
    inputs: Inputs
    edit: dict[int, bytes] | None = None
    record: bytes | None = None
    arrived: dict[str, int] | None = None
    landing: dict[str, int] | None = None
    elsewhere: bool = False
    error: str = ""
    shape: Shape | None = None
    _passed: int = 0
    _machine: Machine | None = None

    def run(self, machine: Machine) -> Replay:
        """Do it, with the memory as it was in the recorded run; afterwards everything is as before.

        Raises UsageError within a run.
        """
        hit = self._hit
        runner, image = hit.lab.runner, hit.lab.image
        self._machine = machine
        with runner.replaying(self), self._memory_of_the_run():
            image.stack.data[:] = self.inputs.stack
            if machine.tracer:
                machine.tracer.clear()
            machine.attach(runner, image.memory, runner.gates, image.exit, runner.trap)
            stop = machine.run(hit.ip, hit.lab.layout.pack(self.inputs.registers), LIMIT)
        self.error = stop.error or "the run does not come back"
        if machine.tracer:
            self.shape = machine.tracer.shape(tuple(machine.tracer.events))
        return self

    @contextmanager
    def _memory_of_the_run(self) -> Iterator[None]:
        """While this lasts, memory is as it was in the recorded run, apart from the stack."""
        state, image = self._hit.state, self._hit.lab.image
        memory = image.memory
        stack, variables = bytes(image.stack.data), [bytes(region.data) for region in image.variables]
        now = memory.contents() if memory.version != state.version else None
        if now is not None:
            memory.restore(state.contents)
        for region in image.variables:
            region.data[:] = state.contents[region.name]
        try:
            yield
        finally:
            if now is not None:
                memory.restore(now)
            for region, before in zip(image.variables, variables, strict=True):
                region.data[:] = before
            image.stack.data[:] = stack

    def at_function(self, runner: Runner, address: int) -> None:
        """A C function is entered: the one in question, one before it whose effects are known, or another."""
        machine = self._running
        if address == runner.elsewhere:
            self.elsewhere = True
            machine.stop()
            return
        registers = machine.registers.read()
        arrivals = self._hit.arrivals
        known = arrivals[self._passed] if self._passed < len(arrivals) else None
        self._passed += 1
        if known is self.arrival:
            self._arrived(registers)
            if self.edit is None:
                machine.stop()
                return
        elif known is not None:
            self._write(registers, _difference(known.before, known.after))
        machine.registers.write(runner.scribble(registers))

    def at_landing(self) -> None:
        """The trampoline came back."""
        self.landing = self._hit.lab.layout.unpack(self._running.registers.read())
        self._running.stop()

    def _arrived(self, registers: bytes) -> None:
        lab = self._hit.lab
        self.arrived = lab.layout.unpack(registers)
        address, size = lab.record_address(registers) or 0, lab.struct.size
        if lab.image.memory.region(address, size) is not None:
            self.record = lab.image.memory.read(address, size)
            self._write(registers, self.edit or {})

    def _write(self, registers: bytes, edit: dict[int, bytes]) -> None:
        """Change the record as a callback would, where there is one to change."""
        lab = self._hit.lab
        address = lab.record_address(registers) or 0
        if lab.image.memory.region(address, lab.struct.size) is not None:
            for offset, data in edit.items():
                lab.image.memory.write(address + offset, data)

    @property
    def state(self) -> State:
        """Memory as it was in the recorded run."""
        return self._hit.state

    @property
    def _hit(self) -> Hit:
        assert self.arrival.hit is not None  # noqa: S101 - records are passed from sites only
        return self.arrival.hit

    @property
    def _running(self) -> Machine:
        assert self._machine is not None  # noqa: S101 - set by run(), which alone gets us here
        return self._machine


def _difference(before: bytes, after: bytes) -> dict[int, bytes]:
    """{offset: byte} of what a callback changed; empty where it did not come to its end."""
    pairs = enumerate(zip(before, after, strict=False))
    return {offset: after[offset : offset + 1] for offset, (old, new) in pairs if old != new}

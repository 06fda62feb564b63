# SPDX-License-Identifier: GPL-2.0-only
"""The way from a site to a C function again, with other inputs. Neither the core nor a callback takes part."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.description import Const, Reg, Return, Sum, Value, Word
from emulator.seeding import random_registers

if TYPE_CHECKING:
    from emulator.machine.engine import Machine
    from emulator.machine.trace import Shape
    from emulator.recording import Arrival, Hit
    from emulator.runner import Runner

LIMIT = 20_000
STEP = 64
"""Bytes by which the stack moves from one set of inputs to the next; a multiple of every ABI's alignment."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a trampoline finds at the site: registers by name, and the whole stack region."""

    registers: dict[str, int]
    stack: bytes
    base: int
    word: int
    order: str

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
                return int.from_bytes(data, self.order) if len(data) == self.word else None  # type: ignore[arg-type]
            case Return():
                return landing
            case Const(number):
                return number & mask


def recorded(hit: Hit) -> Inputs:
    """The inputs of the run itself."""
    arch = hit.lab.arch
    registers = hit.lab.layout.unpack(hit.registers)
    order = "big" if arch.big_endian else "little"
    return Inputs(registers, hit.stack, hit.lab.image.stack.base, arch.word, order)


def varied(hit: Hit, number: int) -> Inputs:
    """Other inputs: the stack elsewhere, other poison under it, other numbers in it and in the registers.

    What pointed into the stack still points to the same place of it, so that frames stay frames.
    """
    was, stack = recorded(hit), hit.lab.image.stack
    numbers = random.Random(f"inputs {hit.lab.seed} {number}")
    shift, bits = -STEP * number, 8 * was.word
    moved = random_registers(hit.lab.arch, numbers)
    for name, value in was.registers.items():
        if stack.base <= value < stack.end:
            moved[name] = value + shift
    sp = was.registers[hit.lab.arch.abi.sp]
    content = bytearray(numbers.randbytes(stack.size))
    for address in range(sp, stack.end - was.word + 1, was.word):
        value = int.from_bytes(was.read(address, was.word), was.order)  # type: ignore[arg-type]
        value = value + shift if stack.base <= value < stack.end else numbers.getrandbits(bits)
        start = address + shift - stack.base
        content[start : start + was.word] = value.to_bytes(was.word, was.order)  # type: ignore[arg-type]
    return Inputs(moved, bytes(content), stack.base, was.word, was.order)


@dataclass(slots=True)
class Replay:
    """One replay up to an arrival or, with an `edit`, on to the landing.

    `edit` is {offset in the record: bytes} that a callback would have written. Afterwards `record` is the record as it
    arrived (None: the run did not come to the arrival), `address` where it was, `landing` the registers at landing, and
    `elsewhere` whether control went to the address `Runner.elsewhere` instead.
    """

    arrival: Arrival
    inputs: Inputs
    edit: dict[int, bytes] | None = None
    record: bytes | None = None
    address: int = 0
    landing: dict[str, int] | None = None
    elsewhere: bool = False
    shape: Shape | None = None
    _passed: int = 0
    _machine: Machine | None = None

    def run(self, runner: Runner, machine: Machine) -> Replay:
        """Do it, with the memory as it was in the recorded run; afterwards everything is as before."""
        hit = self.arrival.hit
        assert hit is not None  # noqa: S101 - provenance is asked for arrivals at a site only
        self._machine = machine
        memory, stack = hit.lab.image.memory, hit.lab.image.stack
        now = memory.contents() if memory.version != hit.state.version else None
        if now is not None:
            memory.restore(hit.state.contents)
        stack.data[:] = self.inputs.stack
        if machine.tracer:
            machine.tracer.clear()
        with runner.replaying(self):
            machine.attach(runner, memory, runner.gates, hit.lab.image.exit)
            machine.run(hit.ip, hit.lab.layout.pack(self.inputs.registers), LIMIT)
        if machine.tracer:
            self.shape = machine.tracer.shape(tuple(machine.tracer.events))
        if now is not None:
            memory.restore(now)
        return self

    def at_function(self, runner: Runner, address: int) -> None:
        """A C function is entered: the one in question, one before it whose effects are known, or another."""
        machine = self._machine
        assert machine is not None  # noqa: S101 - set by run(), which alone gets us here
        if address == runner.elsewhere:
            self.elsewhere = True
            machine.stop()
            return
        registers = machine.registers.read()
        hit = self.arrival.hit
        known = hit.arrivals[self._passed] if hit and self._passed < len(hit.arrivals) else None
        self._passed += 1
        if known is self.arrival:
            self._arrived(registers)
            if self.edit is None:
                machine.stop()
                return
        elif known is not None and known.record and known.after != known.before:
            self.arrival.recording.lab.image.memory.write(self._record_of(registers), known.after)
        machine.registers.write(runner.scribble(registers))

    def at_landing(self) -> None:
        """The trampoline came back."""
        machine = self._machine
        assert machine is not None  # noqa: S101 - see at_function()
        self.landing = self.arrival.recording.lab.layout.unpack(machine.registers.read())
        machine.stop()

    def _arrived(self, registers: bytes) -> None:
        lab = self.arrival.recording.lab
        self.address = self._record_of(registers)
        try:
            self.record = lab.image.memory.read(self.address, lab.arch.pt_regs.size)
            for offset, data in (self.edit or {}).items():
                lab.image.memory.write(self.address + offset, data)
        except IndexError:
            self.record = None

    def _record_of(self, registers: bytes) -> int:
        lab = self.arrival.recording.lab
        index = lab.variant.plain.record if lab.variant.plain else None
        return lab.layout.get(registers, lab.arch.abi.arguments[index or 0])

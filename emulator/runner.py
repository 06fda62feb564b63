# SPDX-License-Identifier: GPL-2.0-only
"""Runs of the image's functions: seeds registers and stack, listens at sites and functions, notes what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from emulator.core.records import DynFtrace
from emulator.errors import Fault, LimitReached, RunError, UnknownName, UsageError
from emulator.machine import engine
from emulator.machine.engine import Gate, Machine, Stop
from emulator.machine.memory import PAGE
from emulator.machine.registers import Layout
from emulator.recording import Arrival, Hit, Recording, State
from emulator.replay import Replay
from emulator.seeding import Scribbler, random_registers

if TYPE_CHECKING:
    from emulator.lab import Lab

LIMIT = 20_000
"""Instructions that one call may take; the longest honest one takes a few hundred."""
NESTING = 32
"""Calls within callbacks; unicorn's own nesting crashes the process between 60 and 70."""
ARRIVALS = 1024
"""C functions that one call may reach, so that a loop through a callback ends too."""
HEADROOM = 256
"""Bytes above the first frame, poisoned like the rest: somebody who writes above his frame is noticed."""


class _Run:
    """One call that is under way."""

    def __init__(self, machine: Machine, recording: Recording) -> None:
        self.machine = machine
        self.recording = recording
        self.open: list[Hit] = []
        self.arrivals = 0
        tracer = machine.tracer
        self.first_event = len(tracer.events) if tracer else 0
        self.first_value = len(tracer.values) if tracer else 0

    @property
    def event(self) -> int:
        """The position in this run's raw trace."""
        tracer = self.machine.tracer
        return len(tracer.events) - self.first_event if tracer else 0


class Runner:
    """Runs functions of a lab's image. `arrive(arrival)` acts for the C function that a run has come to."""

    def __init__(self, lab: Lab, arrive: Callable[[Arrival], None]) -> None:
        self._lab, self._arrive = lab, arrive
        self._image, self._arch = lab.image, lab.arch
        self._layout: Layout = lab.layout
        self._site_size = len(lab.variant.site.call.opcode)
        self._active: list[_Run] = []
        self._state = State(-1, {})
        self._replay: Replay | None = None
        self.scribble = Scribbler(self._arch, self._layout, lab.seed)
        self._values = random_registers(self._arch, Random(f"registers {lab.seed}"))
        self._top = self._image.stack.end - HEADROOM
        self._first = self._at_entry(self._top)
        self.gates = self._make_gates()
        self.elsewhere = self._image.add_gate("[elsewhere]")
        """Where replays let a record point to that shall not lead back."""

    # -- a run --------------------------------------------------------------------------------------------------------

    def run(self, function: str, *, trace: bool, limit: int) -> Recording:
        """From the entry of the function's caller to that caller's return. What goes wrong is Recording.outcome.

        Raises UnknownName, LimitReached for calls nested too deep, and whatever a callback raises.
        """
        start = self._caller(function)
        if len(self._active) >= NESTING:
            raise LimitReached(f"callbacks call traced functions more than {NESTING} deep")
        outer = self._active[-1] if self._active else None
        machine = outer.machine if outer else (engine.tracing if trace else engine.plain)(self._arch)
        recording = Recording(self._lab, function, self.state())
        registers = self._beside(outer) if outer else self._afresh(machine, recording.state)
        run = _Run(machine, recording)
        machine.attach(self, self._image.memory, self.gates, self._image.exit)
        self._active.append(run)
        try:
            stop = machine.run(start, registers, limit)
        finally:
            self._active.pop()
        return self._finish(run, stop, limit)

    def state(self) -> State:
        """The memory that only the core changes; taken anew when the core has changed it."""
        memory = self._image.memory
        if self._state.version != memory.version:
            self._state = State(memory.version, memory.contents())
        return self._state

    def _caller(self, function: str) -> int:
        functions = self._lab.functions
        if function not in functions:
            raise UnknownName("function", function, functions)
        return self._image.callers.get(function) or self._image.symbols.address(function)

    def _afresh(self, machine: Machine, state: State) -> bytes:
        """Poison the stack, undo what an earlier run did to the data; the registers of the seed."""
        self._image.fill_stack()
        self._image.data.data[:] = state.contents["data"]
        if machine.tracer:
            machine.tracer.clear()
        self._write_return(self._top)
        return self._first

    def _beside(self, outer: _Run) -> bytes:
        """Registers for a call out of a callback: the seed's, on the stack below the run that it interrupts."""
        sp = self._layout.get(outer.machine.registers.read(), self._arch.abi.sp) - HEADROOM
        sp -= sp % 16
        self._write_return(sp)
        return self._at_entry(sp)

    def _at_entry(self, sp: int) -> bytes:
        """The registers of the seed with the stack and the return address of a call from the exit."""
        abi = self._arch.abi
        values = {**self._values, abi.sp: sp, abi.pc: 0}
        if abi.link is None:
            values[abi.sp] -= self._arch.word
        else:
            values[abi.link] = self._image.exit
        return self._layout.pack(values)

    def _write_return(self, sp: int) -> None:
        if self._arch.abi.link is None:
            self._image.memory.write_word(sp - self._arch.word, self._image.exit)

    def _finish(self, run: _Run, stop: Stop, limit: int) -> Recording:
        recording, tracer = run.recording, run.machine.tracer
        recording.registers = stop.registers
        recording.outcome = self._outcome(recording, stop, limit)
        if tracer:
            recording.raw = tuple(tracer.events[run.first_event :])
            recording.values = tuple(tracer.values[run.first_value :])
            recording.shape = tracer.shape(recording.raw)
        return recording

    def _outcome(self, recording: Recording, stop: Stop, limit: int) -> RunError | None:
        pc = self._layout.get(stop.registers, self._arch.abi.pc)
        if not stop.error and pc == self._image.exit:
            return None
        where = self._lab.where(pc)
        error = Fault(stop.error, where) if stop.error else LimitReached(f"still running after {limit} steps", where)
        error.recording = recording
        return error

    # -- what a run passes --------------------------------------------------------------------------------------------

    def _make_gates(self) -> list[Gate]:
        gates = [
            Gate(page, page + PAGE - 1, self._at_function) for page in (self._image.gates, self._image.module_gates)
        ]
        for rec in self._lab.core.records.values():
            landing = rec.ip + self._site_size
            gates.append(Gate(rec.ip, rec.ip, partial(self._at_site, rec)))
            gates.append(Gate(landing, landing, self._at_landing))
        return gates

    @contextmanager
    def replaying(self, replay: Replay) -> Iterator[None]:
        """While this lasts, gates belong to the replay. Raises UsageError within a run, whose stack is in use."""
        if self._active:
            raise UsageError("origins are found by replays: ask for them when the call has returned")
        self._replay = replay
        try:
            yield
        finally:
            self._replay = None

    def _at_site(self, rec: DynFtrace, _address: int) -> None:
        if self._replay:
            return
        run = self._active[-1]
        registers, stack = run.machine.registers.read(), bytes(self._image.stack.data)
        hit = Hit(self._lab, run.recording.state, rec.symbol, rec.ip, rec.target, registers, stack, run.event)
        run.recording.hits.append(hit)
        run.open.append(hit)

    def _at_landing(self, address: int) -> None:
        if self._replay:
            self._replay.at_landing()
            return
        run = self._active[-1]
        if run.open and run.open[-1].ip + self._site_size == address:
            hit = run.open.pop()
            hit.landing, hit.landing_event = run.machine.registers.read(), run.event

    def _at_function(self, address: int) -> None:
        """A C function is entered: note with what, let it act, and leave the registers as a compiler might."""
        if self._replay:
            self._replay.at_function(self, address)
            return
        run = self._active[-1]
        run.arrivals += 1
        if run.arrivals > ARRIVALS:
            raise LimitReached(f"more than {ARRIVALS} calls of C functions in one run", self._lab.where(address))
        registers = run.machine.registers.read()
        hit = run.open[-1] if run.open else None
        arrival = Arrival(run.recording, hit, address, self._lab.symbol(address), registers, run.event)
        if hit:
            hit.arrivals.append(arrival)
        self._arrive(arrival)
        run.machine.registers.write(self.scribble(registers))

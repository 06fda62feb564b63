# SPDX-License-Identifier: GPL-2.0-only
"""A call that is taken one instruction at a time, forwards and backwards.

What lies behind can be undone, and what was undone is done again without running anything: callbacks act once. Whoever
changes a register or memory begins another future: what lay ahead is forgotten, and callbacks will act again in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from emulator.debugger.ledger import Ledger
from emulator.errors import EmulatorError
from emulator.machine.engine import Cause, Machine
from emulator.machine.memory import PAGE
from emulator.machine.trace import UndoTracer

if TYPE_CHECKING:
    from emulator.lab import Lab
    from emulator.recording import Recording
    from emulator.runner import Run

MOST = 100_000
"""Instructions that are kept; a call takes a few hundred, and a loop without end must not take all memory."""


class Trouble(NamedTuple):
    """Why an instruction could not be run: the kind, and a sentence. Everything is as it was before it."""

    cause: Cause | None
    """None: it was not the CPU, but something that Python acts for."""
    text: str


@dataclass(slots=True)
class Step:
    """One instruction that has been run: where its events begin in the raw trace, and what it has touched.

    `swaps` are (address, bytes): while the step is behind us what was there before, else what will be there after it.
    """

    event: int
    value: int
    swaps: list[tuple[int, bytes]]
    reads: tuple[tuple[int, int], ...]
    ledger: Ledger | None
    """What Python had noted before, where it has taken note during this step."""


class Timeline:
    """A call of a lab's function, at one of its instructions; there is none before `start`.

    Raises UnknownName for a function that is not traced, UsageError within a run of this lab.
    """

    def __init__(self, lab: Lab, function: str) -> None:
        self.lab, self.function = lab, function
        self._machine = Machine(lab.arch, UndoTracer)
        tracer = self._machine.tracer
        assert isinstance(tracer, UndoTracer)  # noqa: S101 - asked for
        self._tracer, tracer.memory = tracer, lab.image.memory
        self._pc = lab.arch.abi.pc
        self._get, self._exit = lab.layout.get, lab.image.exit
        self._special: dict[int, bool] = {}
        self._begin()

    def _begin(self) -> None:
        lab = self.lab
        self.run: Run = lab.runner.begin(self.function, self._machine)
        registers = {**lab.layout.unpack(self.run.recording.first), self._pc: lab.runner.entry(self.function)}
        self.states = [lab.layout.pack(registers)]
        self.steps: list[Step] = []
        self.position = self.start = 0
        self._dirty = True
        """Whether the engine has to be told of registers or code that have changed behind its back."""

    def restart(self) -> None:
        """The same call from the beginning: callbacks will act again."""
        self.go_to(len(self.steps))
        self.close()
        self._begin()

    def close(self) -> Recording:
        """The call is left where it is; what is known of it."""
        recording = self.known()
        self.lab.runner.end(self.run)
        return recording

    def known(self) -> Recording:
        """What is known of the call, as of a run that has come to its end, or not yet."""
        end = [self.pc] if self.ended else []  # unicorn stops a run there, and notes the instruction
        return self.lab.runner.known(self.run, self.registers, (*self._tracer.events, *end))

    # -- where we are -------------------------------------------------------------------------------------------------

    @property
    def registers(self) -> bytes:
        """All registers, packed."""
        return self.states[self.position]

    @property
    def pc(self) -> int:
        """The address of the instruction that is next."""
        return self.lab.layout.get(self.states[self.position], self._pc)

    @property
    def ended(self) -> bool:
        """Whether the function's caller has returned."""
        return self.pc == self.lab.image.exit

    @property
    def event(self) -> int:
        """The position in the raw trace."""
        return self.steps[self.position].event if self.position < len(self.steps) else len(self._tracer.events)

    # -- moves --------------------------------------------------------------------------------------------------------

    def forward(self) -> Trouble | None:
        """One instruction on. At the end of the call nothing happens."""
        position = self.position
        if position < len(self.steps):
            self._swap(self.steps[position])
            self.position = position + 1
            self._dirty = True
            return None
        pc = self._get(self.states[position], self._pc)
        return self._live(pc) if pc != self._exit else None

    def back(self) -> None:
        """One instruction back. At the start nothing happens."""
        if self.position > self.start:
            self.position -= 1
            self._swap(self.steps[self.position], backwards=True)
            self._dirty = True

    def go_to(self, position: int) -> Trouble | None:
        """To just before the instruction of that number, as far as that can be got to."""
        while self.position > max(position, self.start):
            self.back()
        while (before := self.position) < position:
            trouble = self.forward()
            if trouble or self.position == before:
                return trouble
        return None

    def start_here(self) -> None:
        """There is no way back from here."""
        self.start = self.position

    def _swap(self, step: Step, *, backwards: bool = False) -> None:
        """Exchange what is in memory for what is in the step."""
        order = range(len(step.swaps))
        for index in reversed(order) if backwards else order:
            address, data = step.swaps[index]
            step.swaps[index] = address, self.lab.image.memory.read(address, len(data))
            self.lab.image.memory.put(address, data)  # the kernel's own view of time goes forwards only

    # -- a step that has not been taken before ------------------------------------------------------------------------

    def _live(self, pc: int) -> Trouble | None:
        """Run the instruction at pc: the inner loop of everything that moves on."""
        if len(self.steps) >= MOST:
            return Trouble(None, f"the call has taken {MOST} instructions, and no more are kept")
        machine, tracer = self._machine, self._tracer
        if self._dirty:
            machine.registers.write(self.states[self.position])
            machine.forget_patches()
            self._dirty = False
        event, value = len(tracer.events), len(tracer.values)
        special = self._special.get(pc, True) and self._is_special(pc)
        ledger, before = self._before(pc) if special else (None, None)
        try:
            cause, text = machine.step(pc)
        except EmulatorError as error:
            cause, text = None, str(error)
        swaps, reads = tracer.taken()
        if before is not None:
            swaps, self._dirty = list(self._changes(before)), True
        self.steps.append(Step(event, value, swaps, reads, ledger))
        if text:
            self._swap(self.steps[-1], backwards=True)
            self._forget(self.position)
            return Trouble(cause, text)
        self.position += 1
        self.states.append(machine.registers.read())
        return None

    def _is_special(self, pc: int) -> bool:
        """Whether the runner takes note before the instruction there, or acts."""
        special = self._special[pc] = self.lab.runner.listens_at(pc)
        return special

    def _before(self, pc: int) -> tuple[Ledger, list[bytes] | None]:
        """What is noted now; and all memory, where Python is going to act."""
        return Ledger(self.lab, self.run), self._contents() if self.lab.image.is_gate(pc) else None

    def _contents(self) -> list[bytes]:
        return [region.data[:] for region in self.lab.image.memory.regions]

    def _changes(self, before: list[bytes]) -> Iterator[tuple[int, bytes]]:
        """(address, bytes before) of every word that Python has changed."""
        word = self.lab.arch.word
        for region, was in zip(self.lab.image.memory.regions, before, strict=True):
            now = region.data[:]
            pages = (page for page in range(0, len(was), PAGE) if was != now and was[page:][:PAGE] != now[page:][:PAGE])
            for at in (at for page in pages for at in range(page, page + PAGE, word)):
                if was[at : at + word] != now[at : at + word]:
                    yield region.base + at, was[at : at + word]

    # -- another future -----------------------------------------------------------------------------------------------

    def _forget(self, position: int) -> None:
        """What lies ahead of a position has not happened."""
        ahead = self.steps[position:]
        if not ahead:
            return
        ledger = next((step.ledger for step in ahead if step.ledger), None)
        if ledger:
            ledger.restore()
        del self._tracer.events[ahead[0].event :]
        del self._tracer.values[ahead[0].value :]
        del self.steps[position:]
        del self.states[position + 1 :]
        self._dirty = True

    def set_registers(self, packed: bytes) -> None:
        """Change registers, pc too."""
        self._forget(self.position)
        self.states[self.position] = packed
        self._dirty = True

    def write(self, address: int, data: bytes) -> bool:
        """Change memory, code too; whether there is any. What comes before is undone with the step before it."""
        memory = self.lab.image.memory
        if memory.region(address, len(data)) is None:
            return False
        self._forget(self.position)
        if self.position > self.start:
            self.steps[self.position - 1].swaps.append((address, memory.read(address, len(data))))
        memory.write(address, data)
        self._dirty = True
        return True

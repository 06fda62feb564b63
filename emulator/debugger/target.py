# SPDX-License-Identifier: GPL-2.0-only
"""What gdb sees: registers, memory, and a call that moves until there is a reason to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from emulator.debugger.points import Points
from emulator.debugger.timeline import Timeline, Trouble
from emulator.description import Gdb, GdbRegister
from emulator.errors import UsageError
from emulator.machine.engine import Cause

POLL = 64
"""Instructions between two looks at whether the client wants to stop."""
SIGINT, SIGILL, SIGTRAP, SIGABRT, SIGSEGV = 2, 4, 5, 6, 11
"""gdb's own numbers of signals (include/gdb/signals.def)."""
SIGNALS = {Cause.MEMORY: SIGSEGV, Cause.INSTRUCTION: SIGILL, Cause.EXCEPTION: SIGTRAP, None: SIGABRT}
ENDED = "The call has returned. One more continue ends the program; reverse-continue goes back."
EXITED = "W00"


class Motion(NamedTuple):
    """How to move: on, or back; while pc is within `span`, at least one instruction. None: until something happens."""

    back: bool = False
    span: range | None = None


STEP = range(0)
"""The span of a single instruction."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the target stands still: a signal and a reason as a stop reply has it, and what to tell the user."""

    signal: int = SIGTRAP
    reason: str = ""
    text: str = ""
    exited: bool = False


class Target:
    """A timeline as gdb is told of it. Raises UsageError where the architecture does not say how."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline, self.lab = timeline, timeline.lab
        self.gdb = declared(self.lab.arch.gdb, self.lab.arch.name)
        self.registers = [register for feature in self.gdb.features for register in feature.registers]
        self.points = Points()
        self.stop = Stop()
        """Why it stands still now."""
        self._order, abi = self.lab.arch.order, self.lab.arch.abi
        leading = {abi.pc, abi.sp, abi.flags, abi.frame_pointer, abi.link} - {None}
        self._expedited = [number for number, register in enumerate(self.registers) if register.holds in leading]
        self.begin()

    def begin(self) -> None:
        """Go to the site of the function; there is no way back behind that."""
        timeline, site = self.timeline, self.lab.record(self.timeline.function).ip
        trouble = None
        while timeline.pc != site and not timeline.ended and trouble is None:
            trouble = timeline.forward()
        timeline.start_here()
        self.stop = stopped(trouble)

    def restart(self) -> None:
        """The same call anew, from its site."""
        self.timeline.restart()
        self.begin()

    # -- registers and memory -----------------------------------------------------------------------------------------

    def read_register(self, number: int) -> str:
        """In hexadecimal, in the target's byte order; x where there is no value. Raises IndexError."""
        register = self.registers[number]
        if register.holds is None:
            return "xx" * (register.bits // 8)
        value = self.lab.layout.get(self.timeline.registers, register.holds)
        return self._bytes(value, register).hex()

    def read_registers(self) -> str:
        """All of them."""
        return "".join(self.read_register(number) for number in range(len(self.registers)))

    def write_register(self, number: int, text: str) -> bool:
        """Whether there is such a register to be changed. Raises IndexError, ValueError for what is no such value."""
        return self._write({number: text})

    def write_registers(self, text: str) -> bool:
        """All of them; x leaves one as it is. Raises ValueError."""
        parts, at = {}, 0
        for number, register in enumerate(self.registers):
            parts[number] = text[at : at + register.bits // 4]
            at += register.bits // 4
        return self._write({number: part for number, part in parts.items() if self.registers[number].holds})

    def _write(self, parts: dict[int, str]) -> bool:
        """Raises ValueError where a value is not as wide as its register."""
        values = self.lab.layout.unpack(self.timeline.registers)
        for number, text in parts.items():
            register = self.registers[number]
            if register.holds is None:
                return False
            if len(text) != register.bits // 4:
                raise ValueError(f"{text} is not the value of {register.name}")
            if "x" not in text:
                new = int.from_bytes(bytes.fromhex(text), self._order)
                values[register.holds] = self._settable(register.holds, values[register.holds], new)
        self.timeline.set_registers(self.lab.layout.pack(values))
        return True

    def _settable(self, name: str, old: int, new: int) -> int:
        """The value that a register gets: of the flags only those of arithmetic, so that the CPU's mode stays."""
        arch = self.lab.arch
        mask = arch.abi.arithmetic_flags if name == arch.abi.flags else (1 << 8 * arch.word) - 1
        if arch.segments and name in arch.segments.selectors and new not in arch.segments.selectors[name]:
            return old
        return old & ~mask | new & mask

    def _bytes(self, value: int, register: GdbRegister) -> bytes:
        return (value & (1 << register.bits) - 1).to_bytes(register.bits // 8, self._order)

    def read(self, address: int, size: int) -> bytes:
        """Memory, as far as there is some."""
        memory, found = self.lab.image.memory, b""
        while len(found) < size:
            region = memory.region(address + len(found))
            if region is None:
                break
            start = address + len(found) - region.base
            found += region.data[start : start + size - len(found)]
        return found

    def reply(self, stop: Stop) -> str:
        """A stop reply, with what gdb looks at after each step: of other registers it asks when it wants them.

        It takes a pipe's data one character a system call, so that all of them would take longer than the step.
        """
        if stop.exited:
            return EXITED
        registers = "".join(f"{number:02x}:{self.read_register(number)};" for number in self._expedited)
        return f"T{stop.signal:02x}{stop.reason}thread:1;{registers}"

    # -- moves --------------------------------------------------------------------------------------------------------

    def resume(self, motion: Motion, interrupted: Callable[[], bool]) -> Stop:
        """Move until there is a reason to stop. `interrupted` is asked now and then whether somebody wants that.

        Whoever goes on behind the end of the call is told that the program has exited, and the call begins anew.
        """
        if self.timeline.ended and not motion.back:
            self.restart()
            return Stop(exited=True)
        self.stop = self._move(motion, interrupted)
        return self.stop

    def _move(self, motion: Motion, interrupted: Callable[[], bool]) -> Stop:
        moved, here = 0, self.points.at(self.timeline.pc)
        if here and not motion.back:  # gdb takes it out where it means to go on from there
            return Stop(reason=here)
        while True:
            stop = self._back() if motion.back else self._forward()
            pc, moved = self.timeline.pc, moved + 1
            if stop:
                return stop
            if self.timeline.ended:
                return Stop(0, text=ENDED)
            if self.points.at(pc):
                return Stop(reason=self.points.at(pc))
            if motion.span is not None and pc not in motion.span:
                return Stop()
            if moved % POLL == 0 and interrupted():
                return Stop(SIGINT)

    def _forward(self) -> Stop | None:
        """One instruction on, and why to stop there; a fault, or memory that is watched."""
        trouble = self.timeline.forward()
        if trouble:
            return stopped(trouble)
        touched = self.points.touched(self.timeline.steps[self.timeline.position - 1])
        if touched and self.gdb.watch_before:
            self.timeline.back()
        return Stop(reason=touched) if touched else None

    def _back(self) -> Stop | None:
        """One instruction back, in the same way."""
        timeline = self.timeline
        if timeline.position == timeline.start:
            return Stop(reason="replaylog:begin;")
        touched = self.points.touched(timeline.steps[timeline.position - 1])
        if not (touched and self.gdb.watch_before):
            timeline.back()
        return Stop(reason=touched) if touched else None


def stopped(trouble: Trouble | None) -> Stop:
    """The stop for a step that could not be taken, or for none."""
    return Stop(SIGNALS.get(trouble.cause, SIGTRAP), text=trouble.text) if trouble else Stop()


def declared(gdb: Gdb | None, arch: str) -> Gdb:
    """What an architecture says about gdb. Raises UsageError where it says nothing."""
    if gdb is None:
        raise UsageError(f"{arch}: its declaration does not say how gdb sees it")
    return gdb

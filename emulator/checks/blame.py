# SPDX-License-Identifier: GPL-2.0-only
"""Whom something wrong is blamed on: the instruction that has done it, or has not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from emulator.checks.finding import Violation
from emulator.checks.words import Words
from emulator.description import Member
from emulator.errors import UsageError
from emulator.steps import Step, steps

if TYPE_CHECKING:
    from emulator.recording import Arrival, Call, Recording


class Blame(Words):
    """A passage, and its instructions one by one."""

    def wrong_register(self, name: str) -> Violation:
        """A register that is not as it should be where control went on."""
        landed = self.landed or {}
        return Violation(name, f"{self.wanted[name]:#x}", f"{landed[name]:#x}", self.blame(name))

    def wrong_flags(self, wanted: int) -> Iterator[Violation]:
        """Flags that are not as they should be where control went on; arithmetic ones only where they are promised."""
        name, arithmetic = self.abi.flags, self.abi.arithmetic_flags
        different = (self.landed or {})[name] ^ wanted
        if different & ~arithmetic:
            yield Violation("control flags", f"{wanted:#x}", f"{wanted ^ different:#x}", self.blame(name))
        if different & arithmetic and name not in self.free:
            yield Violation(name, f"{wanted:#x}", f"{wanted ^ different:#x}", self.blame(name))

    def lost(self) -> Violation:
        """Control did not come to where it should have gone on."""
        outcome = self.recording.outcome
        got = str(outcome) if outcome else "it went on elsewhere"
        return Violation("landing", self.lab.symbol(self.destination), got, self._last_instruction())

    def blame(self, register: str) -> int | None:
        """The last instruction of the passage that has changed a register; the last of all where none has."""
        changing = [step for step in self.steps if register in step.registers]
        return changing[-1].address if changing else self._last_instruction()

    def blame_argument(self, call: Call, number: int) -> int | None:
        """The instruction that made an argument: the last before the C function that changed its register, or word."""
        if number < len(self.abi.arguments):
            return self.blame_register(call.arrival, self.abi.arguments[number])
        return self.writer(self.lab.stack_argument(call.arrival.registers, number)) or self.caller(call.arrival)

    def blame_register(self, arrival: Arrival, register: str) -> int | None:
        """The last instruction before a C function that changed a register; the call where none has."""
        event = arrival.event - 1
        changing = [step for step in self.steps if step.event < event and register in step.registers]
        return changing[-1].address if changing else self.caller(arrival)

    def caller(self, arrival: Arrival) -> int | None:
        """The instruction that called a C function."""
        before = [step.address for step in self.steps if step.event < arrival.event - 1]
        return before[-1] if before else None

    def writer(self, address: int) -> int | None:
        """The instruction that wrote to a word last."""
        shape = self.recording.shape
        if shape is None:
            return None
        write = shape.writers(self.hit.event, self._end).get(address)
        return write.pc if write else None

    @property
    def return_writer(self) -> int | None:
        """The instruction that wrote last to what the function returns through."""
        slot = self.parent_slot
        return self.blame(self.abi.link or "") if slot is None else self.writer(slot)

    def member_writer(self, arrival: Arrival, member: Member) -> int | None:
        """The instruction that wrote a member, or the call where none has."""
        write = self.recording.writers(arrival).get((arrival.record or 0) + member.offset)
        return write.pc if write else self.caller(arrival)

    @property
    def call_site(self) -> int | None:
        """The call by which the trampoline gets to its function: the label that the core patches, if there is one."""
        if self.entry is None:
            return self.hit.ip
        if self.entry.call is None:
            return (self.caller(self.hit.arrivals[0]) if self.hit.arrivals else None) or self.hit.ip
        return self.lab.image.symbols.get(self.entry.call)

    @property
    def _end(self) -> int:
        """Behind the last instruction before landing: the trace has the one that it landed on already."""
        return self.hit.landing_event - 1 if self.hit.landing_event else 1 << 62

    @cached_property
    def steps(self) -> list[Step]:
        """The instructions of the passage with what each changed; empty where the run cannot be repeated."""
        return [step for step in _steps(self.recording) if self.hit.event <= step.event < self._end]

    def _last_instruction(self) -> int | None:
        shape = self.recording.shape
        ran = shape.between(self.hit.event, self._end) if shape else []
        return ran[-1] if ran else None


@lru_cache(maxsize=4)
def _steps(recording: Recording) -> list[Step]:
    """Every step of a run, found once for all its passages; none where the run cannot be repeated."""
    try:
        return steps(recording)
    except UsageError:
        return []

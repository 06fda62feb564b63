# SPDX-License-Identifier: GPL-2.0-only
"""What has happened up to the present moment of a timeline: who wrote a byte, and from what; which record is built."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from emulator.assembly.decode import LONGEST, disassemble
from emulator.debugger.timeline import Timeline
from emulator.description import Const, Member, Value
from emulator.lab import Lab
from emulator.recording import Arrival, Hit, Recording
from emulator.replay import recorded


class Written(NamedTuple):
    """A write: the number of the step from the timeline's start on, the instruction, and the registers before it."""

    step: int
    pc: int
    registers: dict[str, int]


class History:
    """A timeline's past. `again` makes another kernel in which the same users have registered.

    There the call is recorded once, so that it is known where a record will be before a callback has got it.
    """

    def __init__(self, timeline: Timeline, again: Callable[[], Lab]) -> None:
        self._timeline, self._again, self._lab = timeline, again, timeline.lab

    # -- bytes --------------------------------------------------------------------------------------------------------

    def writer(self, address: int) -> Written | None:
        """Who wrote a byte last; None where nobody has since the call began."""
        timeline, lab = self._timeline, self._lab
        for number in range(timeline.position - 1, -1, -1):
            if any(at <= address < at + len(data) for at, data in timeline.steps[number].swaps):
                registers = lab.layout.unpack(timeline.states[number])
                return Written(number - timeline.start, registers[lab.arch.abi.pc], registers)
        return None

    def place(self, written: Written) -> str:
        """symbol+offset, and file:line without a folder, where that is known."""
        line = self._lab.image.symbols.line(written.pc)
        at = f" ({line.place._replace(file=line.place.file.rpartition('/')[2])})" if line and line.place.line else ""
        return f"{self._lab.symbol(written.pc)}{at}"

    def instruction(self, written: Written) -> str:
        """symbol+offset (file:line): the instruction; for a C function, that it acted."""
        pc, lab = written.pc, self._lab
        if lab.image.is_gate(pc):
            return f"{lab.symbol(pc)}, for which Python acts"
        region = lab.image.memory.region(pc)
        code = lab.image.memory.read(pc, min(LONGEST, region.end - pc)) if region else b""
        found = next(iter(disassemble(lab.arch.engine, code, pc)), None)
        return f"{lab.where(pc)}: {found or 'no instruction'}"

    def sources(self, written: Written, word: int) -> list[str]:
        """The registers that the instruction names, or else any, that held the word it wrote."""
        pc = self._lab.arch.abi.pc
        names = [name for name, value in written.registers.items() if value == word and name != pc]
        text = self.instruction(written).rpartition(": ")[2]
        return [name for name in names if re.search(rf"\b{name}\b", text)] or names

    def at_site(self, value: int, hit: Hit | None) -> list[str]:
        """The registers that held a value at the site."""
        values = self._lab.layout.unpack(hit.registers) if hit else {}
        return [name for name, was in values.items() if was == value]

    # -- the record ---------------------------------------------------------------------------------------------------

    @property
    def hit(self) -> Hit | None:
        """The passage of a site that is under way, or was the last one; None before the first."""
        past = [hit for hit in self._timeline.run.recording.hits if hit.event <= self._timeline.event]
        return past[-1] if past else None

    @property
    def record(self) -> int | None:
        """Where the passage's record is, or is going to be; None where no callback gets one."""
        if self.hit is None:
            return None
        known = _with_record(self.hit.arrivals)
        if known is None:
            number = self._timeline.run.recording.hits.index(self.hit)
            known = next((_with_record(hit.arrivals) for hit in self._scouted.hits[number : number + 1]), None)
        return known.record if known else None

    @cached_property
    def _scouted(self) -> Recording:
        return self._again().run(self._timeline.function)

    def promised(self, member: Member) -> int | None:
        """What a member of the record is going to hold, as far as somebody promises it."""
        hit = self.hit
        if hit is None:
            return None
        entry = hit.entry
        value: Value | None = member.holds
        if entry and member.name in entry.constants:
            value = Const(entry.constants[member.name])
        landing = hit.ip + len(self._lab.variant.site.call.opcode)
        return recorded(hit).evaluate(value, landing) if value else None


def _with_record(arrivals: list[Arrival]) -> Arrival | None:
    return next((arrival for arrival in arrivals if arrival.record), None)

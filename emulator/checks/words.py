# SPDX-License-Identifier: GPL-2.0-only
"""Words of the stack, of records and of variables, as a passage has found them and left them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from emulator.checks.ways import Ways
from emulator.core.returns import RETURN_TO_HANDLER as HANDLER
from emulator.description import Member

if TYPE_CHECKING:
    from emulator.recording import Arrival


class Words(Ways):
    """A passage, and the memory that it has to do with."""

    def word_at_site(self, address: int) -> int:
        """A word of the stack as it was at the site."""
        return int.from_bytes(self.inputs.read(address, self.arch.word), self.inputs.order)

    @property
    def tail(self) -> bytes:
        """The stack from sp on where control went on, b"" where it got lost."""
        if self.destination == self.after:
            return self.hit.landing_tail
        return next((at.tail for at in self._at_destination), b"")

    def same_above(self, address: int) -> bool:
        """Whether the stack from an address on is at landing as it was at the site, the parent's slot apart."""
        above = slice(address - self.lab.image.stack.end, None)
        was, now = self.hit.tail[above], self.tail[above]
        slot = -1 if self.parent_slot is None else self.parent_slot - address
        if 0 <= slot < len(now):
            now = now[:slot] + was[slot : slot + self.arch.word] + now[slot + self.arch.word :]
        return was == now

    def word_at_landing(self, address: int) -> int | None:
        """The same where control went on; None below sp."""
        tail, word = self.tail, self.arch.word
        start = address - (self.lab.image.stack.end - len(tail))
        return int.from_bytes(tail[start : start + word], self.inputs.order) if 0 <= start < len(tail) else None

    @property
    def return_at_site(self) -> int:
        """Where the function would have returned to, by the word or the register that it returns through."""
        slot = self.parent_slot
        return self.site[self.abi.link or ""] if slot is None else self.word_at_site(slot)

    @property
    def return_at_landing(self) -> int | None:
        """The same where control went on; None where that cannot be told."""
        slot = self.parent_slot
        if slot is None:
            return self.landed[self.abi.link or ""] if self.landed else None
        return self.word_at_landing(slot)

    def promised_anyway(self, member: Member) -> bool:
        """Members that the entry ought to fill, and that this release is known to forget."""
        full = self.entry is not None and self.entry is self.variant.regs
        return full and any(quirk.clause == "C5" and quirk.what == member.name for quirk in self.variant.quirks)

    def at_first_call(self, register: str | None) -> int:
        """A register where the trampoline calls its function."""
        return self.lab.layout.get(self.hit.arrivals[0].registers, register or self.abi.sp)

    def variable(self, name: str) -> int:
        """A variable of the core's, a pointer, as it was during the run."""
        address = self.lab.image.symbols.address(name)
        data = next(region for region in self.lab.image.variables if region.base <= address < region.end)
        start = address - data.base
        return int.from_bytes(self.hit.state.contents[data.name][start : start + self.arch.word], self.inputs.order)

    def word_at_first_call(self, address: int) -> int | None:
        """A word of the stack at that moment; None below sp."""
        return self.word_at(self.hit.arrivals[0], address)

    def word_at(self, arrival: Arrival, address: int) -> int | None:
        """A word of the stack as a C function finds it; None below sp."""
        tail, word = arrival.tail, self.arch.word
        start = address - (self.lab.image.stack.end - len(tail))
        return int.from_bytes(tail[start : start + word], self.inputs.order) if 0 <= start < len(tail) else None

    def in_frame(self, arrival: Arrival) -> bool:
        """Whether a record lies between sp at the call and sp at the site."""
        record, end = arrival.record or 0, self.site[self.abi.sp] + self.variant.site.pops
        lowest = self.lab.layout.get(arrival.registers, self.abi.sp)
        size = (self.entry.record_size if self.entry else None) or self.struct.size
        return lowest <= record <= end - size

    @cached_property
    def handler(self) -> int:
        """The address of return_to_handler, 0 where there is none."""
        return self.lab.image.symbols.get(HANDLER) or 0

# SPDX-License-Identifier: GPL-2.0-only
"""One passage of a site: how things stood at the site, what the rules say, and where it went."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from emulator.checks.finding import Violation
from emulator.core.rehearsal import Rehearsal
from emulator.description import Entry, Member, Reg, Return, Value, loaded_into
from emulator.replay import Inputs, recorded

if TYPE_CHECKING:
    from emulator.core.ops import FtraceOps
    from emulator.lab import Lab
    from emulator.recording import Arrival, Call, Hit, Recording


CONDITIONAL = frozenset({"GLOBAL", "CONTROL", "PID", "RCU"})
"""Flags of ops that are not called at each passage, or by way of others."""


class Ways:
    """A hit of a recording: how things stood at the site, what the rules say, and where it went."""

    def __init__(self, recording: Recording, hit: Hit) -> None:
        self.recording, self.hit = recording, hit
        self.lab: Lab = hit.lab
        self.arch, self.variant = self.lab.arch, self.lab.variant
        self.struct = self.lab.struct
        self.abi = self.arch.abi
        self.after = hit.ip + len(self.variant.site.call.opcode)
        """The address after the site's call instruction, where the passage is to land."""
        self.disturbed: list[Violation] | None = None
        """What was wrong in the same passage while the stack below sp was overwritten all the time."""

    # -- at the site --------------------------------------------------------------------------------------------------

    @property
    def site(self) -> dict[str, int]:
        """Registers."""
        return self.inputs.registers

    @cached_property
    def inputs(self) -> Inputs:
        """Registers and stack."""
        return recorded(self.hit)

    def value(self, value: Value | None) -> int | None:
        """A value of the declarations' vocabulary, None where there is none."""
        return None if value is None else self.inputs.evaluate(value, self.after)

    @cached_property
    def parent(self) -> int | None:
        """The address that the function's caller wants it to return to."""
        return self.value(self.variant.site.parent)

    @cached_property
    def parent_slot(self) -> int | None:
        """The address of the word through which the function returns; None where it has none yet: the link register."""
        return self.value(self.variant.site.parent_slot)

    # -- what the rules say -------------------------------------------------------------------------------------------

    @property
    def expected(self) -> Rehearsal:
        """Who was to be called."""
        return self.hit.expected

    @property
    def registered(self) -> tuple[FtraceOps, ...]:
        """Who must be called: everybody who has registered for the function, as long as nothing more is to be asked.

        Where stopped, within a callback, or beside ops that are called on a condition, what the rules say.
        """
        conditional = any(ops.flags & CONDITIONAL for ops in self.hit.users)
        if conditional or self.recording.nested or self.expected.stopped:
            return self.expected.callbacks
        return self.hit.users

    @property
    def asks_for_regs(self) -> bool:
        """Whether somebody who has registered for the function wants a full pt_regs, and can have one."""
        return self.variant.regs is not None and any(ops.has("SAVE_REGS") for ops in self.registered)

    @cached_property
    def entry(self) -> Entry | None:
        """The trampoline that the site called, None for a NOP or a direct call."""
        return self.hit.entry

    @cached_property
    def last(self) -> Arrival | None:
        """The C function behind which the trampoline goes on, with the record as it is then; None without a record."""
        with_record = [arrival for arrival in self.hit.arrivals if arrival.record and arrival.before]
        return with_record[-1] if with_record else None

    def member(self, member: Member) -> int | None:
        """A member of the record as the callbacks left it."""
        if self.last is None:
            return None
        return self.read(self.last.after, member)

    def received(self, member: Member) -> int | None:
        """A member of the record as the trampoline handed it over."""
        if self.last is None:
            return None
        return self.read(self.last.before, member)

    def read(self, data: bytes, member: Member) -> int:
        """A member out of a record's bytes."""
        return int.from_bytes(data[member.offset : member.offset + member.size], self.inputs.order)

    @cached_property
    def changed(self) -> dict[str, int]:
        """{member: value} of what callbacks have written to the record."""
        if self.last is None or self.last.after == self.last.before:
            return {}
        known = ((member, self.received(member), self.member(member)) for member in self.struct.members)
        return {member.name: new for member, old, new in known if new is not None and new != old}

    @cached_property
    def destination(self) -> int:
        """Where control is to go: after the site, to the ip that a callback has set, or to a direct trampoline.

        One that is code comes back to the function; what it finds is seen where a C function stands for it.
        """
        direct = self.expected.direct
        return direct if direct and self.lab.image.is_gate(direct) else self.returns_to

    @cached_property
    def returns_to(self) -> int:
        """After the site, or the ip that a callback has set: a direct trampoline returns there, too."""
        for name, value in self.changed.items():
            member = self.struct.member(name)
            if self.entry and name in self.entry.honours and isinstance(member.holds, Return):
                return value
        return self.after

    @cached_property
    def wanted(self) -> dict[str, int]:
        """Registers where control goes on: as at the site, but for what callbacks wrote to members that are loaded.

        What the trampoline may leave changed is in `free`, and pc is not looked at.
        """
        wanted = dict(self.site)
        wanted[self.abi.sp] += self.variant.site.pops
        for name, value in self.changed.items():
            register = self.register(self.struct.member(name))
            if self.entry and register and name in self.entry.honours:
                wanted[register] = value
        return wanted | self._as_after_a_call() if self.called_directly else wanted

    @property
    def unpatched(self) -> bool:
        """Whether the site calls what the compiler's call goes to: before boot has made a NOP of it."""
        mcount = self.variant.site.mcount
        return bool(mcount and self.hit.target) and self.hit.target == self.lab.image.placement.label(mcount or "")

    @property
    def called_directly(self) -> bool:
        """Whether what is looked at is the entry of a direct trampoline."""
        return bool(self.expected.direct) and self.destination == self.expected.direct

    def _as_after_a_call(self) -> dict[str, int]:
        """sp, or the link register, as the site's call leaves them.

        What a callback has made of the return address is where the site has put that.
        """
        if self.abi.link:
            parent = [(self._parent_register, value) for value in self._parent_written if self._parent_register]
            return {self.abi.link: self.returns_to, **dict(parent)}
        return {self.abi.sp: self.site[self.abi.sp] - self.arch.word}

    @property
    def free(self) -> frozenset[str]:
        """The registers that may have changed, by that release's own word; and pc.

        Behind a direct trampoline that is code, what no argument is passed in and no function preserves.
        """
        clobbers = self.entry.clobbers if self.entry else self.variant.plain.clobbers if self.unpatched else ()
        if self.expected.direct and not self.called_directly:
            kept = {*self.abi.arguments, *self.abi.returns, *self.abi.preserved}
            clobbers = tuple(name for name in self.lab.layout.names if name not in kept)
        kept = {self._parent_register} if self.called_directly else set()
        return frozenset((self.abi.pc, *clobbers)) - kept

    @property
    def _parent_register(self) -> str:
        """The register that the site has put the return address into; empty where that is none."""
        parent = self.variant.site.parent
        return parent.name if isinstance(parent, Reg) else ""

    @property
    def _parent_written(self) -> Iterator[int]:
        """What callbacks have written to the member that the link register is loaded from."""
        for name, value in self.changed.items():
            if self.entry and name in self.entry.honours and self.register(self.struct.member(name)) == self.abi.link:
                yield value

    def register(self, member: Member) -> str | None:
        """The register that a member is loaded into."""
        return loaded_into(member, self.variant.site, self.abi)

    # -- where it went ------------------------------------------------------------------------------------------------

    @cached_property
    def landed(self) -> dict[str, int] | None:
        """Registers where control went on: at landing, or at the C function that it was sent to. None: it got lost."""
        packed = self.hit.landing if self.destination == self.after else self._sent_to
        return None if packed is None else self.lab.layout.unpack(packed)

    @property
    def _sent_to(self) -> bytes | None:
        """Registers at the entry of what control was sent to."""
        return next((at.registers for at in self._at_destination), None)

    @cached_property
    def _at_destination(self) -> list[Arrival]:
        """Where this run has come to the C function that control was sent to."""
        every = self.recording.arrivals
        return [at for at in every if at.address == self.destination and at.event >= self.hit.event]

    @property
    def calls(self) -> list[Call]:
        """The callbacks of this passage, in order."""
        return [call for call in self.recording.callbacks if call.arrival.hit is self.hit]

    @property
    def called(self) -> list[Arrival]:
        """The C functions that the trampoline has called, and not gone to in the place of the traced function."""
        return [arrival for arrival in self.hit.arrivals if arrival.address != self.expected.direct]

    @property
    def opens_run(self) -> bool:
        """Whether it is the first of its run: then it is the one that is asked what concerns the run as a whole."""
        return self.hit is self.recording.hits[0]

    @property
    def run_ended(self) -> bool:
        """Whether the run has come to its real end."""
        return not self.recording.outcome and not self.recording.cut_short

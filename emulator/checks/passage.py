# SPDX-License-Identifier: GPL-2.0-only
"""One passage of a site as a clause sees it: how things stood at the site, what the rules say, and where it went."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from emulator.cfunctions import PREPARE
from emulator.checks.finding import Violation
from emulator.core.choice import LIST_FUNC
from emulator.core.graph import GRAPH_FUNC
from emulator.core.rehearsal import Rehearsal
from emulator.core.returns import RETURN_TO_HANDLER as HANDLER
from emulator.description import Entry, Member, Reg, Return, Sum, Value, Word
from emulator.errors import UsageError
from emulator.replay import Inputs, recorded
from emulator.steps import Step, steps

if TYPE_CHECKING:
    from emulator.assembly.decode import Instruction
    from emulator.core.ops import FtraceOps
    from emulator.lab import Lab
    from emulator.recording import Arrival, Call, Hit, Recording


CONDITIONAL = frozenset({"GLOBAL", "CONTROL", "PID", "RCU"})
"""Flags of ops that are not called at each passage, or by way of others."""
LONGEST = 16
"""Bytes that hold any instruction of any architecture here."""
MOST = 16
"""Passages of sites that are looked at in one call; a trampoline that goes astray can make thousands."""


class Passage:
    """A hit of a recording, with what was to be expected of it."""

    def __init__(self, recording: Recording, hit: Hit) -> None:
        self.recording, self.hit = recording, hit
        self.lab: Lab = hit.lab
        self.arch, self.variant = self.lab.arch, self.lab.variant
        self.abi = self.arch.abi
        self.disturbed: list[Violation] | None = None
        """What was wrong in the same passage while the stack below sp was overwritten all the time."""

    # -- at the site --------------------------------------------------------------------------------------------------

    @cached_property
    def site(self) -> dict[str, int]:
        """Registers."""
        return self.lab.layout.unpack(self.hit.registers)

    @cached_property
    def inputs(self) -> Inputs:
        """Registers and stack."""
        return recorded(self.hit)

    @property
    def after(self) -> int:
        """The address after the site's call instruction, where the passage is to land."""
        return self.hit.ip + len(self.variant.site.call.opcode)

    def value(self, value: Value | None) -> int | None:
        """A value of the declarations' vocabulary, None where there is none."""
        return None if value is None else self.inputs.evaluate(value, self.after)

    @property
    def parent(self) -> int | None:
        """The address that the function's caller wants it to return to."""
        return self.value(self.variant.site.parent)

    @property
    def caller_behind_handler(self) -> int | None:
        """Where the function's return is taken already: what its word held before; else None."""
        if not self.handler or self.word_at_site(self.parent_slot) != self.handler:
            return None
        earlier = (Passage(self.recording, hit) for hit in reversed(self.recording.hits) if hit.event < self.hit.event)
        words = (at.word_at_site(at.parent_slot) for at in earlier if at.parent_slot == self.parent_slot)
        return next((word for word in words if word != self.handler), None)

    @property
    def parent_slot(self) -> int:
        """The address of the word through which the function returns."""
        slot = self.value(self.variant.site.parent_slot)
        assert slot is not None  # noqa: S101 - it is a sum, or a word of the stack
        return slot

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

    @cached_property
    def changed(self) -> dict[str, int]:
        """{member: value} of what callbacks have written to the record."""
        if self.last is None or self.last.after == self.last.before:
            return {}
        known = ((member, self.received(member), self.member(member)) for member in self.arch.pt_regs.members)
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
            member = self.arch.pt_regs.member(name)
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
            register = self.register(self.arch.pt_regs.member(name))
            if self.entry and register and name in self.entry.honours:
                wanted[register] = value
        return wanted | self._as_after_a_call() if self.called_directly else wanted

    @property
    def unpatched(self) -> bool:
        """Whether the site calls what the compiler's call goes to: before boot has made a NOP of it."""
        return bool(self.hit.target) and self.hit.target == self.lab.image.placement.label(self.variant.site.mcount)

    @property
    def called_directly(self) -> bool:
        """Whether what is looked at is the entry of a direct trampoline."""
        return bool(self.expected.direct) and self.destination == self.expected.direct

    def _as_after_a_call(self) -> dict[str, int]:
        """sp, or the link register, as the site's call leaves them."""
        if self.abi.link:
            return {self.abi.link: self.returns_to}
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
        return frozenset((self.abi.pc, *clobbers))

    def register(self, member: Member) -> str | None:
        """The register that a member is loaded into."""
        match member.holds:
            case Reg(name) | Sum(name, _):
                return name
            case Word() if member.holds == self.variant.site.parent:
                return self.abi.link
            case _:
                return None

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

    # -- words on the stack -------------------------------------------------------------------------------------------

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
        above, slot = slice(address - self.lab.image.stack.end, None), self.parent_slot - address
        was, now = self.hit.tail[above], self.tail[above]
        if 0 <= slot < len(now):
            now = now[:slot] + was[slot : slot + self.arch.word] + now[slot + self.arch.word :]
        return was == now

    def word_at_landing(self, address: int) -> int | None:
        """The same where control went on; None below sp."""
        tail, word = self.tail, self.arch.word
        start = address - (self.lab.image.stack.end - len(tail))
        return int.from_bytes(tail[start : start + word], self.inputs.order) if 0 <= start < len(tail) else None

    def read(self, data: bytes, member: Member) -> int:
        """A member out of a record's bytes."""
        return int.from_bytes(data[member.offset : member.offset + member.size], self.inputs.order)

    def promised_anyway(self, member: Member) -> bool:
        """Members that the entry ought to fill, and that this release is known to forget."""
        full = self.entry is not None and self.entry is self.variant.regs
        return full and any(quirk.clause == "C5" and quirk.what == member.name for quirk in self.variant.quirks)

    def at_first_call(self, register: str | None) -> int:
        """A register where the trampoline calls its function."""
        return self.lab.layout.get(self.hit.arrivals[0].registers, register or self.abi.sp)

    def variable(self, name: str) -> int:
        """A variable of the core's, a pointer, as it was during the run."""
        data = self.lab.image.data
        start = self.lab.image.symbols.address(name) - data.base
        return int.from_bytes(self.hit.state.contents[data.name][start : start + self.arch.word], self.inputs.order)

    def word_at_first_call(self, address: int) -> int | None:
        """A word of the stack at that moment; None below sp."""
        return self.word_at(self.hit.arrivals[0], address)

    def word_at(self, arrival: Arrival, address: int) -> int | None:
        """A word of the stack as a C function finds it; None below sp."""
        tail, word = arrival.tail, self.arch.word
        start = address - (self.lab.image.stack.end - len(tail))
        return int.from_bytes(tail[start : start + word], self.inputs.order) if 0 <= start < len(tail) else None

    # -- text ---------------------------------------------------------------------------------------------------------

    def code(self, address: int, size: int) -> bytes:
        """Bytes of text as they were during the run; fewer where it ends."""
        for region in (self.lab.image.text, self.lab.image.modules):
            if region.base <= address < region.end:
                start = address - region.base
                return self.hit.state.contents[region.name][start : start + size]
        return b""

    @property
    def patched_elsewhere(self) -> int | None:
        """The first byte of text that nobody was to change and that is not as it was built; None: there is none."""
        text, placed = self.lab.image.text, self.lab.image.placement
        found, built = bytearray(self.hit.state.contents[text.name][: len(placed.built)]), placed.built
        for address in self._patchable:
            span = slice(address - text.base, address - text.base + len(self.variant.site.nop))
            found[span] = built[span]
        if found == built:
            return None
        return text.base + next(at for at, (new, old) in enumerate(zip(found, built, strict=True)) if new != old)

    @property
    def _patchable(self) -> Iterator[int]:
        """Sites, and the labels in trampolines."""
        placed, graph = self.lab.image.placement, self.variant.graph
        yield from (ip for ip, _ in placed.sites)
        calls = [entry.call for entry in (self.variant.plain, self.variant.regs) if entry]
        calls += [call.label for call in graph.calls] if graph else []
        yield from (placed.label(name) for name in calls if name)

    def instruction(self, address: int) -> bytes:
        """As many bytes as the longest instruction has."""
        return self.code(address, LONGEST)

    @cached_property
    def ran(self) -> list[int]:
        """The instructions from the site to landing, or to the end where it never landed."""
        shape = self.recording.shape
        return [self.hit.ip, *shape.between(self.hit.event, self._end)] if shape else []

    @cached_property
    def ran_to_destination(self) -> list[int]:
        """The instructions from the site to where control goes on."""
        shape = self.recording.shape
        sent = next((at.event - 1 for at in self._at_destination), self._end)
        end = self._end if self.destination == self.after else sent
        return [self.hit.ip, *shape.between(self.hit.event, end)] if shape else []

    @property
    def ran_in_all(self) -> tuple[int, ...]:
        """Every instruction of the run, for its first passage; nothing for the others, so that it is told once."""
        shape = self.recording.shape
        return shape.pcs if shape and self.opens_run else ()

    @property
    def original(self) -> int | None:
        """What the site's target is a private copy of."""
        found = self.lab.image.symbols.original(self.hit.target)
        return found if self.hit.target and found != self.hit.target else None

    @property
    def copy_owner(self) -> FtraceOps | None:
        """The ops whose private copy the site calls; None where it has gone again."""
        core = self.lab.core
        return next((ops for ops in core.ops if ops.trampoline == self.hit.target and ops.has("ALLOC_TRAMP")), None)

    @property
    def call_label(self) -> int | None:
        """The call that the core patches, in the trampoline or in the copy that ran."""
        if self.entry is None or self.entry.call is None:
            return None
        offset = self.lab.image.placement.label(self.entry.call) - self.lab.image.placement.label(self.entry.symbol)
        return self.hit.target + offset

    def same_target(self, at: Instruction, twin: Instruction, copy: int, original: int, size: int) -> bool:
        """Whether an instruction of a copy leads to where its twin in the original does."""
        ours, theirs = _leads_to(at, self.abi.pc), _leads_to(twin, self.abi.pc)
        if theirs is not None and original <= theirs <= original + size:
            return ours is not None and ours - copy == theirs - original
        return ours == theirs if theirs is not None else at.operands == twin.operands

    # -- the graph tracer ---------------------------------------------------------------------------------------------

    @property
    def graph_calls(self) -> int:
        """How often this passage has come to the graph tracer, by itself or as one ops of the list."""
        names = [arrival.symbol for arrival in self.hit.arrivals]
        through_list = names.count(LIST_FUNC) if self.expected.graph_calls and self.variant_has_func else 0
        return names.count(PREPARE) + names.count(GRAPH_FUNC) + through_list

    @property
    def variant_has_func(self) -> bool:
        """Whether the graph tracer is an ordinary ops here."""
        return self.variant.graph is not None and self.variant.graph.slot is not None

    @property
    def graph_site(self) -> int | None:
        """The instruction that leads to the graph tracer."""
        calls = self.variant.graph.calls if self.variant.graph else ()
        return self.lab.image.symbols.get(calls[0].label) if calls else self.call_site

    @property
    def kept_return(self) -> int:
        """The return address that the graph tracer keeps of this function."""
        return self.hit.kept_return

    @property
    def took_return(self) -> bool:
        """Whether the graph tracer has taken the function's return."""
        return self.hit.landing_hooked > self.hit.hooked

    @cached_property
    def handler(self) -> int:
        """The address of return_to_handler, 0 where there is none."""
        return self.lab.image.symbols.get(HANDLER) or 0

    @property
    def opens_run(self) -> bool:
        """Whether it is the first of its run: then it is the one that is asked what concerns the run as a whole."""
        return self.hit is self.recording.hits[0]

    @property
    def run_ended(self) -> bool:
        """Whether the run has come to its real end."""
        return not self.recording.outcome and not self.recording.cut_short

    @property
    def returned_through(self) -> Iterator[tuple[int, int]]:
        """(address of the word that was taken last, sp) of every return to return_to_handler, the first ones first.

        Nothing where a return need not pop the word that holds its address.
        """
        if self.abi.link:
            return
        taken = [hit for hit in self.recording.hits if hit.landing_hooked > hit.hooked]
        for event, registers in self.recording.returns:
            before = [hit for hit in taken if hit.landing_event <= event]
            if not before:
                return
            taken.remove(before[-1])
            slot = Passage(self.recording, before[-1]).parent_slot
            yield slot, self.lab.layout.get(registers, self.abi.sp)

    def at_handler(self, arrival: Arrival) -> dict[str, int]:
        """The registers with which a function came to return_to_handler, before that called a C function; or none."""
        before = [registers for event, registers in self.recording.returns if event < arrival.event]
        return self.lab.layout.unpack(before[-1]) if before else {}

    def exit_member(self, arrival: Arrival, member: Member) -> int:
        """A member of the record that return_to_handler passes; 0 where that is not on the stack."""
        start = self._exit_record(arrival) - self.lab.layout.get(arrival.registers, self.abi.sp)
        return self.read(arrival.tail[start:], member) if start >= 0 else 0

    def exit_writer(self, arrival: Arrival, member: Member) -> int:
        """The instruction that wrote it, or return_to_handler where none has."""
        shape, address = self.recording.shape, self._exit_record(arrival) + member.offset
        write = shape.writers(0, arrival.event).get(address) if shape else None
        return write.pc if write else self.handler

    def _exit_record(self, arrival: Arrival) -> int:
        return self.lab.layout.get(arrival.registers, self.abi.arguments[0])

    @property
    def called_by_trampoline(self) -> bool:
        """Whether a trampoline, or a copy of one, has called the traced function."""
        image, parent = self.lab.image, self.parent or 0
        function = image.symbols.function(image.symbols.original(parent))
        return parent != self.handler and function is not None and function.name in image.placement.trampolines.symbols

    def compare_end(self, names: Iterable[str]) -> Iterator[Violation]:
        """Registers at the end of the run that differ from those of a run that nobody traced.

        Nothing is compared where callbacks have changed what the function works on, or where it never ended.
        """
        recording = self.recording
        if not self.run_ended or recording.interfered or recording.nested:
            return
        untraced = self.lab.layout.unpack(self.lab.untraced(recording).registers)
        ended = self.lab.layout.unpack(recording.registers)
        for name in names:
            if ended[name] != untraced[name]:
                what = f"{name} at the end"
                yield Violation(what, f"{untraced[name]:#x}", f"{ended[name]:#x}", self.last_of_handler)

    @property
    def last_of_handler(self) -> int | None:
        """The last instruction of return_to_handler that ran."""
        shape, symbols = self.recording.shape, self.lab.image.symbols
        for pc in reversed(shape.pcs if shape else ()):
            function = symbols.function(pc)
            if function and function.name == HANDLER:
                return pc
        return None

    # -- whom to blame ------------------------------------------------------------------------------------------------

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
        """The instruction that made an argument: the last before the C function that changed its register."""
        return self.blame_register(call.arrival, self.abi.arguments[number])

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

    def member_writer(self, arrival: Arrival, member: Member) -> int | None:
        """The instruction that wrote a member, or the call where none has."""
        write = self.recording.writers(arrival).get((arrival.record or 0) + member.offset)
        return write.pc if write else self.caller(arrival)

    def in_frame(self, arrival: Arrival) -> bool:
        """Whether a record lies between sp at the call and sp at the site."""
        record, end = arrival.record or 0, self.site[self.abi.sp] + self.variant.site.pops
        lowest = self.lab.layout.get(arrival.registers, self.abi.sp)
        return lowest <= record <= end - self.arch.pt_regs.size

    @property
    def call_site(self) -> int | None:
        """The call by which the trampoline gets to its function: the label that the core patches."""
        if self.entry is None or self.entry.call is None:
            return self.hit.ip
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


_RELATIVE = re.compile(r"(-?)(0x[0-9a-f]+|[0-9]+)?\(%(\w+)\)")


def _leads_to(at: Instruction, pc: str) -> int | None:
    """Where a direct branch goes, or what an operand relative to pc means; None for others."""
    if at.target is not None:
        return at.target
    found = _RELATIVE.search(at.operands)
    if found is None or found[3] != pc:
        return None
    distance = int(found[2] or "0", 0)
    return at.address + at.size + (-distance if found[1] else distance)

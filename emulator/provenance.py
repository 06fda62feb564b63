# SPDX-License-Identifier: GPL-2.0-only
"""Where each byte of a record came from: who wrote it, what it follows when the inputs vary, and what that is worth."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from emulator.description import Const, Entry, Member, Reg, Value, Word
from emulator.machine import engine
from emulator.machine.trace import Write
from emulator.origins import CALLBACK, NEVER, Evidence, Origin, Sample, part
from emulator.replay import Replay, recorded, varied

if TYPE_CHECKING:
    from emulator.recording import Arrival, Hit

REPLAYS = 4
"""Sets of inputs beside the recorded one; a byte that follows a register by chance does so once in 2 ** 32."""


class Status(enum.Enum):
    """What a member, or a byte of one, is worth to the callback; the value is its letter in listings."""

    TRUE = "="
    DERIVED = "d"
    CONSTANT = "c"
    UNWRITTEN = "."
    WRONG = "!"
    CALLBACK = "*"

    @property
    def meaning(self) -> str:
        """The letter in words."""
        return _MEANINGS[self]


_MEANINGS = {
    Status.TRUE: "the register's value at the site",
    Status.DERIVED: "the promised value, computed by the trampoline",
    Status.CONSTANT: "the promised number",
    Status.UNWRITTEN: "never written: whatever was on the stack",
    Status.WRONG: "written, but not what the member promises",
    Status.CALLBACK: "written by an earlier callback",
}


@dataclass(frozen=True, slots=True)
class ByteSeen:
    """One byte of a record: value, worth, the address of the instruction that wrote it, and origin.

    `writer` is None where no instruction between the site and the callback wrote the byte.
    """

    value: int
    status: Status
    writer: int | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """One member as a callback found it. `writer` is the address of the instruction that wrote its last byte."""

    member: Member
    value: int
    status: Status
    origin: Origin
    writer: int | None
    bytes: tuple[ByteSeen, ...]

    @property
    def written(self) -> bool:
        """Whether every byte was written."""
        return all(byte.status is not Status.UNWRITTEN for byte in self.bytes)


class Provenance:
    """The origins of one arrival's record, found by replays once they are asked for. No callback runs again.

    What asks for replays raises UsageError within a run.
    """

    def __init__(self, arrival: Arrival, hit: Hit) -> None:
        self._arrival, self._hit, self._lab = arrival, hit, hit.lab
        self._order = recorded(hit).order
        self._writers = self._find_writers()

    @cached_property
    def _evidence(self) -> Evidence:
        return Evidence(self._hit, list(self._samples()))

    @property
    def certain(self) -> bool:
        """Whether enough replays got to the callback; where not, only promised values are recognised."""
        return self._evidence.certain

    @property
    def entry(self) -> Entry | None:
        """The trampoline that the site called."""
        return self._hit.entry

    def promise(self, member: Member) -> Value | None:
        """What the entry that called should have put there."""
        entry = self.entry
        if entry and member.name in entry.constants:
            return Const(entry.constants[member.name])
        return member.holds

    def written(self, member: Member, before: bytes) -> bool:
        """Whether somebody wrote all of a member that a callback found in `before`: no replay is needed to tell."""
        span = slice(member.offset, member.offset + member.size)
        return before[span] != self._arrival.before[span] or all(map(self._filled, range(span.start, span.stop)))

    def member(self, name: str, before: bytes) -> MemberSeen:
        """A member of the record whose bytes a callback found as `before`. Raises KeyError."""
        member = self._lab.struct.member(name)
        status, origin, parts = self._judge(member)
        found = before[member.offset :][: member.size]
        if found != self._arrival.before[member.offset :][: member.size]:
            status, origin, parts = Status.CALLBACK, CALLBACK, tuple(map(_touched, parts, found))
        value = int.from_bytes(found, self._order)
        writer = next((byte.writer for byte in reversed(parts) if byte.writer is not None), None)
        return MemberSeen(member, value, status, origin, writer, parts)

    # -- evidence -----------------------------------------------------------------------------------------------------

    def _samples(self) -> Iterator[Sample]:
        yield Sample(recorded(self._hit), self._arrival.before)
        for number in range(1, REPLAYS + 1):
            inputs = varied(self._hit, number)
            replay = Replay(self._arrival, inputs).run(engine.plain(self._lab.arch))
            if replay.record is not None:
                yield Sample(inputs, replay.record)

    def _find_writers(self) -> dict[int, Write]:
        """{offset in the record: the write that put the byte there}."""
        recording = self._arrival.recording
        if recording.shape is not None:
            known = recording.writers(self._arrival)
        else:
            replay = Replay(self._arrival, recorded(self._hit)).run(engine.tracing(self._lab.arch))
            shape = replay.shape
            known = shape.writers(0, len(shape.pcs) + len(shape.writes)) if shape else {}
        record = self._arrival.record or 0
        offsets = range(self._lab.struct.size)
        return {offset: known[record + offset] for offset in offsets if record + offset in known}

    # -- judgement ----------------------------------------------------------------------------------------------------

    def _judge(self, member: Member) -> tuple[Status, Origin, tuple[ByteSeen, ...]]:
        filled = [self._filled(member.offset + index) for index in range(member.size)]
        if not any(filled):
            return Status.UNWRITTEN, NEVER, self._bytes(member, Status.UNWRITTEN, NEVER)
        promise = self.promise(member)
        origin = self._evidence.origin(member, promise) if all(filled) else None
        if origin is None:
            parts = tuple(self._byte(member, index, promise) for index in range(member.size))
            return Status.WRONG, self._stored(member, _together(parts)), parts
        broken = promise is not None and not self._evidence.follows(member, promise)
        status = Status.WRONG if broken else worth(origin.value)
        return status, self._stored(member, origin), self._bytes(member, status, origin)

    def _bytes(self, member: Member, status: Status, origin: Origin) -> tuple[ByteSeen, ...]:
        """The bytes of a member that is one value, or that nobody wrote."""
        found = self._arrival.before[member.offset :][: member.size]
        origins = [origin] * member.size
        if status is not Status.UNWRITTEN:
            origins = [part(origin, self._significance(member, index)) for index in range(member.size)]
        return tuple(
            ByteSeen(value, status, self._writer(member.offset + index), origins[index])
            for index, value in enumerate(found)
        )

    def _byte(self, member: Member, index: int, promise: Value | None) -> ByteSeen:
        """A byte of a member whose bytes come from several places, or from none that is known."""
        offset = member.offset + index
        value, writer = self._arrival.before[offset], self._writer(offset)
        if not self._filled(offset):
            return ByteSeen(value, Status.UNWRITTEN, None, NEVER)
        origin, right = self._evidence.byte(offset, promise, self._significance(member, index))
        return ByteSeen(value, worth(promise) if right else Status.WRONG, writer, origin)

    def _significance(self, member: Member, index: int) -> int:
        return index if self._order == "little" else member.size - 1 - index

    def _writer(self, offset: int) -> int | None:
        write = self._writers.get(offset)
        return write.pc if write else None

    def _filled(self, offset: int) -> bool:
        """Whether a byte was written, or lies where the stack was in use at the site already.

        What a shorter record has above itself is none of its own.
        """
        if self.entry and offset >= (self.entry.record_size or offset + 1):
            return False
        stack, sp = self._lab.image.stack, self._lab.layout.get(self._hit.registers, self._lab.arch.abi.sp)
        return offset in self._writers or sp <= (self._arrival.record or 0) + offset < stack.end

    def _stored(self, member: Member, origin: Origin) -> Origin:
        """The origin, with the last instruction that wrote a byte of the member."""
        writers = [self._writer(member.offset + index) for index in range(member.size)]
        last = next((writer for writer in reversed(writers) if writer is not None), None)
        return origin if last is None else replace(origin, stored_by=self._lab.where(last))


def worth(value: Value | None) -> Status:
    """The status of a value that is the promised one, or that nothing else is promised about."""
    match value:
        case Reg() | Word():
            return Status.TRUE
        case Const():
            return Status.CONSTANT
        case _:
            return Status.DERIVED


def _touched(byte: ByteSeen, found: int) -> ByteSeen:
    """The byte as a later callback found it."""
    return byte if found == byte.value else ByteSeen(found, Status.CALLBACK, None, CALLBACK)


def _together(parts: Sequence[ByteSeen]) -> Origin:
    """The origin of a member from those of its bytes: the one that they share, or a list of runs of them."""
    if len({part.origin for part in parts}) == 1:
        return parts[0].origin
    runs = [list(run) for _, run in groupby((part.origin for part in parts), key=lambda origin: origin.value or origin)]
    shown = [run[0].short if run[0].short == run[-1].short else f"{run[0].short}..{run[-1].short}" for run in runs]
    return Origin(None, "mixed", f"a mixture: {', '.join(shown)}")

# SPDX-License-Identifier: GPL-2.0-only
"""Where each byte of a record came from: who wrote it, and what it follows when the inputs at the site are varied."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from emulator.description import Const, Entry, Member, Reg, Return, Sum, Value, Word
from emulator.machine import engine
from emulator.machine.trace import Write
from emulator.recording import Arrival
from emulator.replay import Inputs, Replay, recorded, varied

REPLAYS = 4
"""Sets of inputs beside the recorded one; a byte that follows a register by chance does so once in 2 ** 32."""
NEAR = 4096
"""Bytes from a register within which a value is taken for derived from it."""


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
class Origin:
    """What a value follows: `value` in the vocabulary of the site (None: none of it), in short and in words."""

    value: Value | None
    short: str
    what: str
    stored_by: str = ""

    def __str__(self) -> str:
        return f"{self.what}, stored by {self.stored_by}" if self.stored_by else self.what


@dataclass(frozen=True, slots=True)
class ByteSeen:
    """One byte of a record: its value, its worth, the address of the instruction that wrote it (None: nobody), its origin."""

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


@dataclass(frozen=True, slots=True)
class _Sample:
    """One way from the site to the callback: what went in, and the record that came out."""

    inputs: Inputs
    record: bytes


NEVER = Origin(None, "never written", "never written: whatever was on the stack")


class Provenance:
    """The origins of one arrival's record, found by replays when this is made. The user's code does not run again."""

    def __init__(self, arrival: Arrival) -> None:
        assert arrival.hit is not None  # noqa: S101 - a record is passed from a site
        self._arrival, self._hit = arrival, arrival.hit
        self._lab = arrival.recording.lab
        self._landing = self._hit.ip + len(self._lab.variant.site.call.opcode)
        self._machine = engine.plain(self._lab.arch)
        self._samples = list(self._sample())
        self._writers = self._find_writers()

    def member(self, name: str, before: bytes) -> MemberSeen:
        """A member of the record whose bytes a callback found as `before`. Raises KeyError."""
        member = self._lab.arch.pt_regs.member(name)
        value = int.from_bytes(before[member.offset :][: member.size], self._samples[0].inputs.order)  # type: ignore[arg-type]
        status, origin, parts = self._judge(member)
        if before[member.offset :][: member.size] != self._arrival.before[member.offset :][: member.size]:
            status, origin = Status.CALLBACK, Origin(None, "callback", "written by an earlier callback")
            parts = tuple(ByteSeen(byte, status, None, origin) for byte in before[member.offset :][: member.size])
        return MemberSeen(member, value, status, origin, parts[-1].writer, parts)

    # -- evidence -----------------------------------------------------------------------------------------------------

    def _sample(self) -> Iterator[_Sample]:
        yield _Sample(recorded(self._hit), self._arrival.before)
        for number in range(1, REPLAYS + 1):
            inputs = varied(self._hit, number)
            replay = Replay(self._arrival, inputs).run(self._lab.runner, self._machine)
            if replay.record is not None:
                yield _Sample(inputs, replay.record)

    def _find_writers(self) -> dict[int, Write]:
        """{offset in the record: the write that put the byte there}."""
        known = self._arrival.recording.writers(self._arrival)
        if self._arrival.recording.shape is None:
            replay = Replay(self._arrival, recorded(self._hit))
            shape = replay.run(self._lab.runner, engine.tracing(self._lab.arch)).shape
            known = shape.writers(0, len(shape.pcs) + len(shape.writes)) if shape else {}
        record = self._arrival.record or 0
        size = self._lab.arch.pt_regs.size
        return {offset: known[record + offset] for offset in range(size) if record + offset in known}

    @property
    def certain(self) -> bool:
        """Whether the replays got to the callback; where they did not, origins are as good as unknown."""
        return len(self._samples) == REPLAYS + 1

    # -- judgement ----------------------------------------------------------------------------------------------------

    def _judge(self, member: Member) -> tuple[Status, Origin, tuple[ByteSeen, ...]]:
        writers = [self._writers.get(member.offset + index) for index in range(member.size)]
        if not any(writers):
            return self._whole(member, Status.UNWRITTEN, NEVER)
        if not all(writers):
            return self._pieces(member, writers)
        origin = self._origin(member)
        if origin is None:
            return self._pieces(member, writers)
        return self._whole(member, self._status(member, origin), origin)

    def _whole(self, member: Member, status: Status, origin: Origin) -> tuple[Status, Origin, tuple[ByteSeen, ...]]:
        parts = []
        for index, value in enumerate(self._arrival.before[member.offset :][: member.size]):
            writer = self._writers.get(member.offset + index)
            parts.append(ByteSeen(value, status, writer.pc if writer else None, self._byte_of(origin, index)))
        last = parts[-1].writer
        return status, _stored(origin, self._lab.where(last)) if last is not None else origin, tuple(parts)

    def _byte_of(self, origin: Origin, index: int) -> Origin:
        if isinstance(origin.value, Reg):
            return Origin(origin.value, f"{origin.short}[{index}]", f"byte {index} of {origin.what}")
        return origin

    def _pieces(self, member: Member, writers: list[Write | None]) -> tuple[Status, Origin, tuple[ByteSeen, ...]]:
        """A member that is not one value: its bytes come from several places, or from none that is known."""
        parts = []
        for index, writer in enumerate(writers):
            offset = member.offset + index
            value = self._arrival.before[offset]
            origin = self._byte_origin(offset) if writer else NEVER
            status = Status.WRONG if writer else Status.UNWRITTEN
            parts.append(ByteSeen(value, status, writer.pc if writer else None, origin))
        shorts = list(dict.fromkeys(part.origin.short for part in parts))
        whole = parts[0].origin if len(shorts) == 1 else Origin(None, "mixed", f"a mixture: {', '.join(shorts)}")
        last = next(writer.pc for writer in reversed(writers) if writer)
        return Status.WRONG, _stored(whole, self._lab.where(last)), tuple(parts)

    def _status(self, member: Member, origin: Origin) -> Status:
        promise = self.promise(member)
        if promise is not None and not self._holds(member, promise):
            return Status.WRONG
        match origin.value:
            case Reg() | Word():
                return Status.TRUE
            case Const():
                return Status.CONSTANT
            case _:
                return Status.DERIVED

    def promise(self, member: Member) -> Value | None:
        """What the entry that called should have put there."""
        entry = self.entry
        if entry and member.name in entry.constants:
            return Const(entry.constants[member.name])
        return member.holds

    @cached_property
    def entry(self) -> Entry | None:
        """The trampoline that the site called: found by where the site's call went, or what that is a copy of."""
        symbols = self._lab.image.symbols
        target = symbols.original(self._hit.target)
        entries = [entry for entry in (self._lab.variant.plain, self._lab.variant.regs) if entry]
        return next((entry for entry in entries if symbols.get(entry.symbol) == target), None)

    def _values(self, member: Member) -> list[int]:
        order = self._samples[0].inputs.order
        span = slice(member.offset, member.offset + member.size)
        return [int.from_bytes(sample.record[span], order) for sample in self._samples]  # type: ignore[arg-type]

    def _holds(self, member: Member, value: Value) -> bool:
        wanted = [sample.inputs.evaluate(value, self._landing) for sample in self._samples]
        return self._values(member) == wanted

    # -- origins ------------------------------------------------------------------------------------------------------

    def _origin(self, member: Member) -> Origin | None:
        """The first thing that the member's value follows through all samples; the promised one is tried first."""
        promise = self.promise(member)
        if promise is not None and self._holds(member, promise):
            return describe(promise)
        values = self._values(member)
        for find in (self._register, self._word, self._constant, self._sum):
            value = find(member, values)
            if value is not None:
                return value
        return None

    def _register(self, member: Member, _values: list[int]) -> Origin | None:
        names = self._samples[0].inputs.registers
        return next((describe(Reg(name)) for name in names if self._holds(member, Reg(name))), None)

    def _word(self, member: Member, _values: list[int]) -> Origin | None:
        sp, word = self._lab.arch.abi.sp, self._lab.arch.word
        frame = self._lab.variant.site.parent
        near = [frame, *(Word(sp, offset) for offset in range(0, 8 * word, word))]
        return next((describe(value) for value in near if self._holds(member, value)), None)

    def _constant(self, _member: Member, values: list[int]) -> Origin | None:
        if len(set(values)) > 1:
            return None
        distance = values[0] - self._landing
        if abs(distance) <= NEAR:
            return describe(Return(), distance)
        name = self._lab.symbol(values[0])
        if not name.startswith("0x"):
            return Origin(Const(values[0]), name, f"the address {name}")
        return describe(Const(values[0]))

    def _sum(self, _member: Member, values: list[int]) -> Origin | None:
        mask = (1 << 8 * self._lab.arch.word) - 1
        for name in self._samples[0].inputs.registers:
            distances = {
                value - sample.inputs.registers[name] & mask
                for value, sample in zip(values, self._samples, strict=True)
            }
            (first, *others) = distances
            signed = first - (mask + 1) if first > mask >> 1 else first
            if not others and abs(signed) <= NEAR:
                return describe(Sum(name, signed))
        return None

    def _byte_origin(self, offset: int) -> Origin:
        """One byte by itself: a byte of a register, always the same number, or something else."""
        values = [sample.record[offset] for sample in self._samples]
        word = self._lab.arch.word
        for name in self._samples[0].inputs.registers:
            for index in range(word):
                if values == [sample.inputs.registers[name] >> 8 * index & 0xFF for sample in self._samples]:
                    return Origin(Reg(name), f"{name}[{index}]", f"byte {index} of register {name} at the site")
        if len(set(values)) == 1:
            return Origin(Const(values[0]), f"{values[0]:#x}", f"always {values[0]:#x}")
        return Origin(None, "unknown", "no plain value of the site: computed, or read from elsewhere")


def describe(value: Value, distance: int = 0) -> Origin:
    """An Origin in short and in words; `distance` is added to the value, in bytes."""
    match value:
        case Reg(name):
            return Origin(value, name, f"register {name} at the site")
        case Sum(base, offset):
            return Origin(value, f"{base}{offset:+#x}", f"register {base} at the site {offset:+#x}")
        case Word(base, offset):
            short = f"[{base}{offset:+#x}]" if offset else f"[{base}]"
            return Origin(value, short, f"the word at {short[1:-1]} at the site")
        case Return():
            if distance:
                return Origin(None, f"landing{distance:+#x}", f"the address behind the site {distance:+#x}")
            return Origin(value, "landing", "the address behind the site")
        case Const(number):
            return Origin(value, f"{number:#x}", f"the constant {number:#x}")


def _stored(origin: Origin, where: str) -> Origin:
    return Origin(origin.value, origin.short, origin.what, where)

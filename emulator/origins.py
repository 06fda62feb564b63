# SPDX-License-Identifier: GPL-2.0-only
"""What a value follows: found by comparing several ways from a site to a callback that began with other inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.description import Const, Member, Reg, Return, Sum, Value, Word
from emulator.replay import Inputs

if TYPE_CHECKING:
    from emulator.recording import Hit

NEAR = 4096
"""Bytes from a register within which a value is taken for derived from it."""
WORDS = 8
"""Words from the stack pointer on, at the site, that a value may be a copy of."""
ENOUGH = 3
"""Samples it takes to say that a value is always the same, or that a single byte follows something."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a value follows: `value` in the vocabulary of the site (None: none of it), in short and in words."""

    value: Value | None
    short: str
    what: str
    stored_by: str = ""

    def __str__(self) -> str:
        return f"{self.what}, stored by {self.stored_by}" if self.stored_by else self.what


NEVER = Origin(None, "never written", "never written: whatever was on the stack")
CALLBACK = Origin(None, "callback", "written by an earlier callback")
UNKNOWN = Origin(None, "unknown", "no plain value of the site: computed, or read from elsewhere")
UNTOLD = Origin(None, "unknown", "not to be told: with other inputs the code does not get here")


@dataclass(frozen=True, slots=True)
class Sample:
    """One way from the site to the callback: what went in, and the record that came out."""

    inputs: Inputs
    record: bytes

    def number(self, member: Member) -> int:
        """The member's value."""
        return int.from_bytes(self.record[member.offset :][: member.size], self.inputs.order)


class Evidence:
    """The samples of one hit, the recorded one first."""

    def __init__(self, hit: Hit, samples: Sequence[Sample]) -> None:
        self._lab, self._samples = hit.lab, samples
        self._landing = hit.ip + len(hit.lab.variant.site.call.opcode)
        self._names = tuple(samples[0].inputs.registers)
        self.certain = len(samples) >= ENOUGH
        """Whether enough replays got to the callback to know what varies and what does not."""

    def follows(self, member: Member, value: Value) -> bool:
        """Whether the member holds `value` in every sample."""
        return all(sample.number(member) == sample.inputs.evaluate(value, self._landing) for sample in self._samples)

    def origin(self, member: Member, promise: Value | None) -> Origin | None:
        """The first thing that the member follows in all samples, the promised one tried first; None: no one thing."""
        for value in self._candidates(promise):
            if self.follows(member, value):
                return self._describe(value)
        numbers = [sample.number(member) for sample in self._samples]
        if self.certain and len(set(numbers)) == 1:
            return self._constant(numbers[0])
        return self._sum(numbers, promise)

    def byte(self, offset: int, promise: Value | None, index: int) -> tuple[Origin, bool]:
        """What a byte of the record follows by itself, and whether that is byte `index` of the promised value.

        Index 0 is the least significant byte.
        """
        if not self.certain:
            return UNTOLD, False
        values = [sample.record[offset] for sample in self._samples]
        if promise is not None and values == self._bytes(promise, index):
            return part(self._describe(promise), index), True
        if len(set(values)) == 1:
            return Origin(Const(values[0]), f"{values[0]:#x}", f"always {values[0]:#x}"), False
        for name in self._names:
            for at in range(self._lab.arch.word):
                if values == self._bytes(Reg(name), at):
                    return part(self._describe(Reg(name)), at), False
        return UNKNOWN, False

    def _bytes(self, value: Value, index: int) -> list[int]:
        """A byte of the value in every sample; -1 where it is not known."""
        numbers = [sample.inputs.evaluate(value, self._landing) for sample in self._samples]
        return [-1 if number is None else number >> 8 * index & 0xFF for number in numbers]

    def _candidates(self, promise: Value | None) -> Iterator[Value]:
        if promise is not None:
            yield promise
        yield from (Reg(name) for name in self._names)
        yield self._lab.variant.site.parent
        word = self._lab.arch.word
        yield from (Word(self._lab.arch.abi.sp, word * index) for index in range(WORDS))

    def _constant(self, number: int) -> Origin:
        """A number that is always the same: an address near the site, or of something else, or just a number."""
        symbols = self._lab.image.symbols
        function = symbols.function(number)
        if function is not None and function is symbols.function(self._landing):
            return self._describe(Return(), number - self._landing)
        name = symbols.name(number)
        if name != hex(number):
            return Origin(Const(number), name, f"the address {name}")
        return self._describe(Const(number))

    def _sum(self, numbers: Sequence[int], promise: Value | None) -> Origin | None:
        """A register, the promised one or sp if possible, plus the same small number of bytes in every sample."""
        bits = 8 * self._lab.arch.word
        likely = [promise.name if isinstance(promise, Reg) else "", self._lab.arch.abi.sp]
        for name in sorted(self._names, key=lambda name: name not in likely):
            distances = {
                _signed(number - sample.inputs.registers[name], bits)
                for number, sample in zip(numbers, self._samples, strict=True)
            }
            distance = distances.pop()
            if self.certain and not distances and abs(distance) <= NEAR:
                return self._describe(Sum(name, distance))
        return None

    def _describe(self, value: Value, distance: int = 0) -> Origin:
        if value == self._lab.variant.site.parent:
            known = describe(value)
            return Origin(value, known.short, f"{known.what}: the return address of the traced function")
        return describe(value, distance)


def describe(value: Value, distance: int = 0) -> Origin:
    """An Origin in short and in words; `distance` in bytes is added to the address behind the site."""
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


def part(origin: Origin, index: int) -> Origin:
    """The origin of one byte of a value, 0 being the least significant; a number's says nothing new."""
    if isinstance(origin.value, Const):
        return origin
    return Origin(origin.value, f"{origin.short}[{index}]", f"byte {index} of {origin.what}")


def _signed(number: int, bits: int) -> int:
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> bits - 1 else number

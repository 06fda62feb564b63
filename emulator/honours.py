# SPDX-License-Identifier: GPL-2.0-only
"""Which members of a record are loaded back: whether what a callback writes to one reaches the traced function."""

from __future__ import annotations

import enum
import random
from typing import TYPE_CHECKING

from emulator.description import Member, Reg, loaded_into
from emulator.machine import engine
from emulator.replay import Replay, recorded
from emulator.seeding import random_value

if TYPE_CHECKING:
    from emulator.recording import Arrival, Hit

HIGHER = 64
"""How far up a stack pointer is moved, in bytes: a multiple of every ABI's alignment. Below is the record itself."""


class Honoured(enum.Enum):
    """What becomes of a callback's write to a member."""

    YES = "yes"
    """The register that the member stands for has that value at landing, and nothing else is different."""
    GOES_THERE = "goes there"
    """Control goes to the address written: ip, or a direct call."""
    NO = "no"
    """The function goes on as if nothing had been written."""
    ASTRAY = "astray"
    """Another register is different at landing."""
    FAULT = "fault"
    """With that value the run neither lands nor gets to the address written."""
    UNKNOWN = "unknown"
    """The run does not land in any case."""

    def __bool__(self) -> bool:
        return self in (Honoured.YES, Honoured.GOES_THERE)


class Honours:
    """{member: Honoured} for one arrival's record, found by replays: one without a write, one for each member asked.

    Raises UsageError within a run.
    """

    def __init__(self, arrival: Arrival, hit: Hit) -> None:
        self._arrival, self._hit, self._lab = arrival, hit, hit.lab
        self._known: dict[str, Honoured] = {}
        self._plain = self._replay({}).landing

    def __getitem__(self, name: str) -> Honoured:
        """Raises KeyError."""
        if name not in self._known:
            self._known[name] = self._try(self._lab.struct.member(name))
        return self._known[name]

    def _replay(self, edit: dict[int, bytes]) -> Replay:
        return Replay(self._arrival, recorded(self._hit), edit=edit).run(engine.plain(self._lab.arch))

    def _try(self, member: Member) -> Honoured:
        if self._plain is None:
            return Honoured.UNKNOWN
        value = self._value(member, self._plain) % (1 << 8 * member.size)
        replay = self._replay({member.offset: value.to_bytes(member.size, recorded(self._hit).order)})
        if replay.elsewhere:
            return Honoured.GOES_THERE
        if replay.landing is None:
            return Honoured.FAULT
        if replay.landing == self._plain:
            return Honoured.NO
        register = self._register(member)
        wanted = {**self._plain, register: value} if register else self._plain
        return Honoured.YES if replay.landing == wanted else Honoured.ASTRAY

    def _value(self, member: Member, plain: dict[str, int]) -> int:
        """What is written: something that the register would not hold at landing otherwise.

        Toggled arithmetic flags, a higher stack pointer, an address to go to for what is no register's, else a random
        number.
        """
        abi, register = self._lab.arch.abi, self._register(member)
        if register == abi.flags:
            return plain[abi.flags] ^ abi.arithmetic_flags
        if register == abi.sp:
            return plain[abi.sp] + HIGHER
        if isinstance(member.holds, Reg):
            numbers = random.Random(f"honoured {self._lab.seed} {member.name}")
            return random_value(self._lab.arch, member.holds.name, numbers)
        return self._lab.runner.elsewhere

    def _register(self, member: Member) -> str | None:
        """The register that should have the member's value at landing."""
        return loaded_into(member, self._lab.variant.site, self._lab.arch.abi)

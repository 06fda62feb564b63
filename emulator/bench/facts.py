# SPDX-License-Identifier: GPL-2.0-only
"""The facts that both sides of a comparison must come to, in one form, so that they can be held against each other."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

from emulator.errors import RunError
from emulator.recording import Recording

ARGUMENTS = 4
"""Those of a callback: ip, parent_ip, op, and the record, which may be on the stack."""


class Store(NamedTuple):
    """One write: the instruction's address, where, how many bytes, and the value."""

    pc: int
    address: int
    size: int
    value: int


Registers = dict[str, int]


class Passage(NamedTuple):
    """One passage of a site: its address, the registers there, and those at landing."""

    ip: int
    site: Registers
    landing: Registers


@dataclass(frozen=True, slots=True)
class Checked:
    """What a checked call tells: every passage of a site, and what the callback got (`record` is b"" where none is).

    The caller of a traced function is one itself, so that a call passes two sites.
    """

    passages: tuple[Passage, ...]
    arguments: tuple[int, ...]
    record: bytes
    exit: Registers


@dataclass(frozen=True, slots=True)
class Traced(Checked):
    """And a traced one: every instruction and write, and {byte's address: who wrote it last before the callback}."""

    instructions: tuple[int, ...]
    stores: tuple[Store, ...]
    writers: dict[int, int]


def checked(recording: Recording) -> Checked:
    """The facts of a recording that was not traced."""
    unpack, call = recording.lab.layout.unpack, recording.callbacks[0]
    names = recording.lab.arch.abi.arguments[:ARGUMENTS]
    passed = [unpack(call.arrival.registers)[name] for name in names]
    if len(passed) < ARGUMENTS:
        passed.append(call.arrival.record or 0)
    return Checked(
        passages=tuple(Passage(hit.ip, unpack(hit.registers), unpack(hit.landing or b"")) for hit in recording.hits),
        arguments=tuple(passed),
        record=call.before,
        exit=unpack(recording.registers),
    )


def traced(recording: Recording) -> Traced:
    """The facts of a traced recording."""
    known, shape = checked(recording), recording.shape
    if shape is None:
        raise ValueError("the recording was not traced")
    stores = (
        Store(write.pc, write.address, write.size, value & (1 << 8 * write.size) - 1)
        for write, value in zip(shape.writes, recording.values, strict=True)
    )
    writers = recording.writers(recording.callbacks[0].arrival)
    return Traced(
        **{field.name: getattr(known, field.name) for field in fields(Checked)},
        instructions=shape.pcs,
        stores=tuple(stores),
        writers={address: write.pc for address, write in writers.items()},
    )


def expect_equal(ours: Checked, theirs: Checked) -> None:
    """Raises RunError with the first fact in which two sides differ: a comparison of their speed would be idle."""
    for field in fields(ours):
        mine, other = getattr(ours, field.name), getattr(theirs, field.name)
        if mine != other:
            raise RunError(f"the two sides of a comparison differ in {field.name}: {mine!r} against {other!r}")

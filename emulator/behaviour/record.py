# SPDX-License-Identifier: GPL-2.0-only
"""The record that a passage hands over: what each member holds, and which are loaded back."""

from __future__ import annotations

from emulator.behaviour.names import SMALL
from emulator.checks.passage import Passage
from emulator.description import Const
from emulator.honours import Honoured
from emulator.provenance import MemberSeen, Status
from emulator.recording import Arrival

STALE, JUNK = "stale", "what a C function left"


def members(passage: Passage) -> dict[str, str]:
    """{member: what it follows} of the first record that is handed over; {} where none is."""
    arrival = _first(passage)
    if arrival is None:
        return {}
    provenance = arrival.provenance
    every = passage.struct.members
    return {member.name: _told(passage, provenance.member(member.name, arrival.before)) for member in every}


def loaded_back(passage: Passage) -> dict[str, str]:
    """{member: what becomes of a write} of those where anything does.

    Asked where callbacks leave their record alone and nobody is called directly.
    """
    arrival = passage.last
    if arrival is None or passage.changed or passage.expected.direct or passage.hit.landing is None:
        return {}
    told = {member.name: _honoured(arrival.honours[member.name]) for member in passage.struct.members}
    return {name: what for name, what in told.items() if what != Honoured.NO.value}


def _first(passage: Passage) -> Arrival | None:
    return next((arrival for arrival in passage.hit.arrivals if arrival.record and arrival.before), None)


def _honoured(honoured: Honoured) -> str:
    """Whether a value leads to a fault or only astray depends on the value."""
    return str((Honoured.ASTRAY if honoured is Honoured.FAULT else honoured).value)


def _told(passage: Passage, seen: MemberSeen) -> str:
    """What a member holds: what it follows, and whether that is wrong."""
    if seen.status is Status.UNWRITTEN:
        return STALE
    follows = _follows(passage, seen)
    return f"wrong: {follows}" if seen.status is Status.WRONG else follows


def _follows(passage: Passage, seen: MemberSeen) -> str:
    """The origin in short; numbers that are the seed's have a name."""
    if seen.origin.value is None and any(byte.status is Status.UNWRITTEN for byte in seen.bytes):
        return "partly stale"
    junk = passage.lab.runner.scribble.junk.values()
    if isinstance(seen.origin.value, Const) and seen.value >= SMALL and seen.value in junk:
        return JUNK
    return seen.origin.short

# SPDX-License-Identifier: GPL-2.0-only
"""A subject's trampolines, instruction by instruction, with what each has put into which member of a record.

What is stored is not read out of the code but seen in runs: the usual scenarios are played, and each byte of a record
leads back to the instruction that wrote it and to what it follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from emulator.assembly import dialects
from emulator.assembly.decode import Instruction, disassemble
from emulator.assembly.piece import Line
from emulator.description import Ability, Variant
from emulator.placement import Placement, placement
from emulator.play import tell
from emulator.provenance import MemberSeen
from emulator.scenario import Outcome, Scenario, story
from emulator.subject import Subject


class Stored(NamedTuple):
    """Bytes [first, last] of a member of the record, and what they follow."""

    member: str
    first: int
    last: int
    whole: bool
    origin: str


class Row(NamedTuple):
    """One instruction, or the bytes [address, address + len(code)) that are none."""

    address: int
    code: bytes
    labels: tuple[str, ...]
    """Names of this address."""
    instruction: Instruction | None
    line: Line | None
    stored: tuple[Stored, ...]
    ran: bool
    """Whether any scenario came by."""

    @property
    def padding(self) -> bool:
        """Whether it only fills the space up to what is aligned."""
        return self.line is not None and not self.line.instruction


class Listing(NamedTuple):
    """All instructions of a subject's trampolines, in the order of their addresses."""

    subject: Subject
    rows: tuple[Row, ...]
    patched: Mapping[str, str]
    """{label: what the core writes there}."""


def listing(subject: Subject, seed: int) -> Listing:
    """Decode the trampolines and play the usual scenarios. Raises InputError where no kernel can be made."""
    placed = placement(subject)
    function, other = (name for _, name in placed.sites[:2])
    outcomes = tell(subject, _scenarios(subject.variant, function, other), function, seed).values()
    stored, ran = _stored(outcomes), _ran(outcomes)
    labels = defaultdict(list)
    for name, address in placed.trampolines.symbols.items():
        labels[address].append(name)
    rows = (
        Row(at, code, tuple(labels[at]), found, placed.trampolines.line(at), tuple(stored.get(at, ())), at in ran)
        for at, code, found in _decoded(placed)
    )
    return Listing(subject, tuple(rows), patched(subject.variant))


def _scenarios(variant: Variant, function: str, other: str) -> list[Scenario]:
    """The usual ones, and every ops once more beside the graph tracer."""
    usual = story(variant, function, other)
    hooked = [replace(item, name=f"{item.name}_hooked", graph=True) for item in usual if item.ops and not item.graph]
    return [*usual, *(hooked if Ability.FUNCTION_GRAPH_TRACER in variant.abilities else ())]


def patched(variant: Variant) -> dict[str, str]:
    """{label: what the core changes there}, from the variant's declaration."""
    found = {}
    for entry in variant.entries:
        names = {entry.call: "the core calls func here", entry.op_load: "a copy loads its own ops here"}
        names[entry.direct_jump] = "a copy does not jump here"
        found.update({name: what for name, what in names.items() if name})
    for call in variant.graph.calls if variant.graph else ():
        found[call.label] = f"leads to {call.caller} while the graph tracer is on"
    return found


def _decoded(placed: Placement) -> Iterator[tuple[int, bytes, Instruction | None]]:
    """(address, bytes, instruction) of all code; what is none is taken in the smallest pieces that there are."""
    unit = dialects.load(placed.arch.engine.dialect).code_alignment
    for chunk in placed.trampolines.chunks:
        at = chunk.address if placed.subject.trampolines.sections[chunk.section].executable else chunk.end
        while at < chunk.end:
            for found in disassemble(placed.arch.engine, chunk.data[at - chunk.address :], at):
                yield found.address, found.data, found
                at = found.address + found.size
            if at < chunk.end:
                yield at, chunk.data[at - chunk.address :][:unit], None
                at += unit


def _ran(outcomes: Iterable[Outcome]) -> frozenset[int]:
    """The addresses of all instructions that were run, a copy's as its original's."""
    return frozenset(
        outcome.lab.image.symbols.original(pc)
        for outcome in outcomes
        for recording in outcome.recordings
        if recording.shape
        for pc in set(recording.shape.pcs)
    )


def _stored(outcomes: Iterable[Outcome]) -> dict[int, list[Stored]]:
    """{instruction: what it has written into records}, each once, in the order of offsets."""
    found: dict[int, dict[Stored, int]] = defaultdict(dict)
    for outcome in outcomes:
        for call in (call for recording in outcome.recordings for call in recording.callbacks):
            for seen in call.fregs or call.regs or ():
                for writer, stored in _parts(seen):
                    found[outcome.lab.image.symbols.original(writer)].setdefault(stored, seen.member.offset)
    return {writer: sorted(every, key=every.__getitem__) for writer, every in found.items()}


def _parts(seen: MemberSeen) -> Iterator[tuple[int, Stored]]:
    """The bytes of a member that one instruction has written, as far as they lie together."""
    numbered = list(enumerate(seen.bytes))
    for writer, group in groupby(numbered, key=lambda item: item[1].writer):
        if writer is not None:
            part = list(group)
            whole = len(part) == len(numbered)
            origin = seen.origin.short if whole else part[0][1].origin.short
            yield writer, Stored(seen.member.name, part[0][0], part[-1][0], whole, origin)

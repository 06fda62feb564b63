# SPDX-License-Identifier: GPL-2.0-only
"""Every mutant of a subject's trampolines that differs in one instruction, or in the order of two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from emulator.assembly import fixups
from emulator.assembly.decode import Instruction, disassemble
from emulator.assembly.link import PlacedFixup, PlacedLine
from emulator.errors import InputError
from emulator.mutants.edit import Edit, Part, edited
from emulator.mutants.effects import commute, idempotent
from emulator.mutants.encodings import encoding
from emulator.mutants.field import Field, Operator
from emulator.placement import Placement, placement
from emulator.subject import Subject


class Place(NamedTuple):
    """An instruction of a trampoline in the unchanged kernel, and where it comes from."""

    address: int
    section: str
    offset: int
    code: bytes
    """As the assembler left it: what depends on addresses is not filled in."""
    placed: bytes
    text: str
    where: str
    """symbol+offset."""
    file: str
    line: int
    """0 where the file has no lines."""

    @property
    def source(self) -> str:
        """file:line, as far as known."""
        return f"{self.file}:{self.line}" if self.line else self.file


class Mutant(NamedTuple):
    """One changed instruction."""

    place: Place
    operator: Operator
    edit: Edit
    text: str
    """What is there instead, as a disassembler says it."""

    def __str__(self) -> str:
        return f"{self.place.where}: {self.operator.value}: {self.place.text} -> {self.text}"

    def apply(self, subject: Subject) -> Subject:
        """The subject with this change made."""
        piece = edited(subject.trampolines, self.edit, subject.arch.engine)
        return replace(subject, trampolines=piece, altered=True)


def places(subject: Subject) -> list[Place]:
    """The instructions of the trampolines."""
    placed, engine = placement(subject).trampolines, subject.arch.engine
    return [
        _place(subject, at, found)
        for at in placed.lines
        if at.line.instruction and subject.trampolines.sections[at.line.section].executable
        for found in disassemble(engine, placed.bytes_at(at.address, at.line.size), at.address)
    ]


def _place(subject: Subject, at: PlacedLine, found: Instruction) -> Place:
    offset, line = at.line.offset + found.address - at.address, at.line
    code = subject.trampolines.sections[line.section].data[offset : offset + found.size]
    where = placement(subject).symbols.name(found.address)
    return Place(
        found.address, line.section, offset, code, found.data, str(found), where, line.place.file, line.place.line
    )


def mutants(subject: Subject) -> list[Mutant]:
    """All of them, in the order of their addresses. Raises UsageError for an encoding that nobody has described."""
    every = places(subject)
    written, joints = _written(subject), _joints(subject)
    found: dict[tuple[int, Edit], Mutant] = {}
    for place in every:
        for mutant in _of_one(subject, place, written=place.address in written):
            found.setdefault((place.address, mutant.edit), mutant)
    for first, second in pairwise(every):
        exchanged = None if second.address in joints else _exchange(subject, first, second)
        if exchanged:
            found[first.address, exchanged.edit] = exchanged
    return sorted(
        (mutant for mutant in found.values() if _fits(subject, mutant)), key=lambda mutant: mutant.place.address
    )


def _fits(subject: Subject, mutant: Mutant) -> bool:
    """Whether all branches still reach as far as they have to: an assembler would have taken longer ones."""
    if not mutant.edit.growth and not mutant.edit.bias and len(mutant.edit.parts) < 2:
        return True
    try:
        Placement(mutant.apply(subject))
    except InputError:
        return False
    return True


def _written(subject: Subject) -> set[int]:
    """The calls that the core writes before they ever run: where they lead to is nothing of the trampoline's."""
    return {placement(subject).label(entry.call) for entry in subject.variant.entries if entry.call}


def _joints(subject: Subject) -> set[int]:
    """Where something may come in: labels, and what branches lead to."""
    placed, engine = placement(subject).trampolines, subject.arch.engine
    found = set(placed.symbols.values())
    for chunk in placed.chunks:
        found |= {at.target for at in disassemble(engine, chunk.data, chunk.address) if at.target is not None}
    return found


def _of_one(subject: Subject, place: Place, *, written: bool) -> Iterator[Mutant]:
    size, known = len(place.code), encoding(subject.arch.engine)
    nops = known.nop * (size // len(known.nop))
    if place.code != nops:
        yield Mutant(place, Operator.DROP, Edit(place.section, place.offset, size, nops), "nothing")
    if place.code != nops and not idempotent(subject.arch, place.code):
        parts = Part(0, size, 0), Part(0, size, size)
        yield Mutant(place, Operator.DUPLICATE, Edit(place.section, place.offset, size, 2 * place.code, parts), "twice")
    for field in known.fields(place.code):
        if not (written and field.operator is Operator.DISPLACEMENT):
            yield from _changed(subject, place, field)


def _changed(subject: Subject, place: Place, field: Field) -> Iterator[Mutant]:
    """The mutants that have another value in a field; none where that makes no instruction, or the same one."""
    engine = subject.arch.engine
    changes = zip(field.changed(place.code), field.changed(place.placed), strict=True)
    for (code, step), (placed, _) in changes:
        found = disassemble(engine, placed, place.address)
        if [at.size for at in found] == [len(placed)] and str(found[0]) != place.text:
            edit = _edit(subject, place, code, placed, step * field.scale, place.offset + field.bits[0] // 8)
            yield Mutant(place, field.operator, edit, str(found[0]))


def _edit(subject: Subject, place: Place, code: bytes, placed: bytes, bias: int, at: int) -> Edit:
    """The edit that leads to `placed`: in the bytes themselves, or in what a fixup at offset `at` fills in."""
    filled = placement(subject).trampolines.fixups_between(place.address, place.address + len(code))
    edit = Edit(place.section, place.offset, len(code), code, (Part(0, len(code), 0),))
    if _filled(place, code, filled) == placed:
        return edit
    byte = place.address + at - place.offset
    biased = [fixup for fixup in filled if 0 <= byte - fixup.address < fixups.known(fixup.kind).size]
    if bias and biased and fixups.known(biased[0].kind).relative:
        return edit._replace(data=place.code, bias=bias, biased=at - byte + biased[0].address)
    return edit._replace(data=placed, parts=())


def _filled(place: Place, code: bytes, filled: Iterable[PlacedFixup]) -> bytes:
    """The code with its fields filled."""
    data = bytearray(code)
    for fixup in filled:
        at = fixup.address - place.address
        fixups.apply(fixup.kind, data, at, symbol=fixup.value, addend=fixup.addend, place=fixup.address)
    return bytes(data)


def _exchange(subject: Subject, first: Place, second: Place) -> Mutant | None:
    """The two in the other order; None where they do not follow each other, or where it makes no difference."""
    sizes = len(first.code), len(second.code)
    if first.section != second.section or first.offset + sizes[0] != second.offset:
        return None
    if commute(subject.arch, first.code, second.code):
        return None
    parts = Part(0, sizes[0], sizes[1]), Part(sizes[0], sizes[1], 0)
    edit = Edit(first.section, first.offset, sum(sizes), second.code + first.code, parts)
    return Mutant(first, Operator.EXCHANGE, edit, f"after {second.text}")

# SPDX-License-Identifier: GPL-2.0-only
"""What instructions refer to: decoded again from finished bytes, against the fixups that an assembler left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator import catalog
from emulator.assembly import fixups
from emulator.assembly.decode import detailed, disassemble
from emulator.description import Arch, Variant
from emulator.errors import UsageError
from emulator.images.references import Decoded, Role, language
from emulator.placement import placement
from emulator.subject import load

VARIANTS = [
    pytest.param(arch, variant, id=f"{name}-{variant.name}")
    for name in catalog.names()
    for arch in [catalog.load(name)]
    for variant in arch.variants
]


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_fixup_of_our_own_is_found_again(arch: Arch, variant: Variant) -> None:
    """The field, where it leads, and that filling it again makes the same bytes."""
    (subject,) = load(arch, [variant])
    placed = placement(subject).trampolines
    run = [
        Decoded(one.address, one.data, detailed(arch.engine, one.data))
        for at in placed.lines
        if at.line.instruction
        for one in disassemble(arch.engine, placed.bytes_at(at.address, at.line.size), at.address)
    ]
    found = {reference.field: reference for reference in language(arch.engine).references(run)}
    instructions = [at for at in run if placed.fixups_between(at.address, at.end)]
    for at in instructions:
        for fixup in placed.fixups_between(at.address, at.end):
            reference = found[fixup.address]
            code = bytearray(at.data)
            offset = reference.field - at.address
            fixups.apply(
                reference.kind, code, offset, symbol=reference.target, addend=reference.addend, place=reference.field
            )
            assert bytes(code) == at.data
            if reference.role is not Role.CODE:
                assert reference.target == fixup.value + (fixup.addend - reference.addend)


ENDS = {
    "i386": (
        ["c3", "cc", "e900000000", "eb00", "ffe0", "0f0b"],
        ["e800000000", "7500", "90", "ffd0", "8b1500000000"],
    ),
    "x86_64": (
        ["c3", "cc", "e900000000", "eb00", "ffe0", "0f0b"],
        ["e800000000", "7500", "90", "ffd0", "488b1500000000"],
    ),
    "arm": (
        ["1eff2fe1", "04f09de4", "08f09de4", "000000ea", "0080bde8", "0ef0a0e1"],
        ["000000eb", "0000000a", "1eff2f01", "04e09de4", "ff5fbde8", "0ef0a001"],
    ),
    "arm64": (
        ["c0035fd6", "20015fd6", "20021fd6", "00000014", "00000000", "000020d4"],
        ["00000094", "00000054", "800000b4", "80003fd6", "1f2003d5", "40000058"],
    ),
}


@pytest.mark.parametrize("name", catalog.names())
def test_ends_are_told_from_what_goes_on(name: str) -> None:
    engine = catalog.load(name).engine
    ending, going_on = (
        [language(engine).ends(Decoded(0, data, detailed(engine, data))) for data in map(bytes.fromhex, codes)]
        for codes in ENDS[name]
    )
    assert all(ending)
    assert not any(going_on)


def test_a_language_that_nobody_has_described_is_said() -> None:
    with pytest.raises(UsageError, match="no kernel images: what vax instructions refer to is not described"):
        language(replace(catalog.load("arm").engine, dialect="vax"))

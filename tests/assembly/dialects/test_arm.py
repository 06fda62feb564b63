# SPDX-License-Identifier: GPL-2.0-only
"""What the encoder is asked for ARM, and what is made without it."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.assembly import dialects
from emulator.assembly.dialects import Draft, Encoding
from emulator.assembly.dialects.arm import is_rotated_byte
from emulator.assembly.piece import Source
from emulator.assembly.reader import SourceReader

DIALECT = dialects.load(catalog.load("arm").engine.dialect)


def instruction(text: str) -> object:
    mnemonic, _, operands = text.partition(" ")
    reader = SourceReader(Source("a.S", "", {"SIZE": 72}), DIALECT)
    reader.registers["x"] = "r4"
    return DIALECT.instruction(mnemonic, operands, reader)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ldr pc, [sp], #SIZE - 16", "ldr pc, [sp], #0x38"),
        ("add x, r10, X, lsl #10", "add r4, r10, r4, lsl #0xa"),
        ("mcr p15, 0, r0, c7, c10, 4", "mcr p15, 0x0, r0, c7, c10, 0x4"),
        ("movt r0, #:upper16:0x12345678", "movt r0, #0x1234"),
        ("movw r0, #:lower16:v", "movw r0, #0x0"),
        ("ldr r0, =0xffffff00", "mvn r0, #0xff"),
        ("ldreq r0, =255", "moveq r0, #0xff"),
        ("ldrb r1, v", "ldrb r1, [pc, #0x0]"),
        ("adrne r1, v", "addne r1, pc, #0x0"),
        ("push {r0-r3, x}", "push {r0-r3, r4}"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    drafted = instruction(text)
    assert isinstance(drafted, Draft)
    assert drafted.text == expected


@pytest.mark.parametrize(
    ("text", "code", "kind"),
    [
        ("b v", "000000ea", "R_ARM_JUMP24"),
        ("bl v", "000000eb", "R_ARM_CALL"),
        ("bleq v", "0000000b", "R_ARM_JUMP24"),
        ("ble v", "000000da", "R_ARM_JUMP24"),
        ("blo v", "0000003a", "R_ARM_JUMP24"),
        ("bls v", "0000009a", "R_ARM_JUMP24"),
    ],
)
def test_branches(text: str, code: str, kind: str) -> None:
    made = instruction(text)
    assert isinstance(made, Encoding)
    assert (made.code.hex(), made.fields[0].kind, made.fields[0].addend) == (code, kind, -8)


def test_rotated_bytes() -> None:
    assert all(map(is_rotated_byte, (0, 255, 0x3FC, 0xFF000000, 0xF000000F)))
    assert not any(map(is_rotated_byte, (256 + 255, 0x1FE, 0xFFFFFFFF, 0x102)))


def test_padding() -> None:
    assert DIALECT.padding(7).hex() == "00000000f020e3"

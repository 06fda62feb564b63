# SPDX-License-Identifier: GPL-2.0-only
"""What the encoder is asked for 32-bit x86, where that is not what it is asked for x86-64."""

from __future__ import annotations

import pytest

from emulator.assembly import dialects
from emulator.assembly.dialects import Choice, Draft, Encoding
from emulator.assembly.piece import Source
from emulator.assembly.reader import SourceReader

DIALECT = dialects.load("x86_32")


def instruction(text: str) -> Draft | Encoding | Choice:
    mnemonic, _, operands = text.partition(" ")
    return DIALECT.instruction(mnemonic, operands, SourceReader(Source("a.S", "", {"SIZE": 68}), DIALECT))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sub $SIZE-8, %esp", "sub $0x3c, %esp"),
        ("mov 8, %eax", "mov 0x8, %eax"),  # no %riz
        ("mov %gs:8, %eax", "mov %gs:0x8, %eax"),
        ("mov table, %ecx", "mov 0x1de51de5, %ecx"),
        ("push $0x80000000", "push $0x80000000"),  # not to be extended here
    ],
)
def test_texts(text: str, expected: str) -> None:
    drafted = instruction(text)
    assert isinstance(drafted, Draft)
    assert drafted.text == expected


@pytest.mark.parametrize(("text", "kinds"), [("call f", {"R_386_PC32"}), ("jmp f", {"R_386_PC32", "R_386_PC8"})])
def test_kinds_of_branches(text: str, kinds: set[str]) -> None:
    made = instruction(text)
    assert not isinstance(made, Draft)
    encodings = (made.short, made.long) if isinstance(made, Choice) else (made,)
    assert {field.kind for encoding in encodings for field in encoding.fields} == kinds


def test_the_short_branches_are_those_of_the_mode() -> None:
    codes = []
    for text in ("jecxz f", "jcxz f"):
        made = instruction(text)
        assert isinstance(made, Encoding)
        codes.append(made.code[:-1])
    assert codes == [b"\xe3", b"\x67\xe3"]


@pytest.mark.parametrize("size", range(1, 8))
def test_padding_has_no_long_nop(size: int) -> None:
    """Not every 32-bit CPU has 0f 1f."""
    assert len(DIALECT.padding(size)) == size
    assert b"\x0f\x1f" not in DIALECT.padding(size)


def test_more_padding_is_jumped_over_earlier() -> None:
    assert DIALECT.padding(20)[:1] == b"\x8d"
    assert DIALECT.padding(21)[:2] == b"\xeb\x13"


def test_only_its_own_code() -> None:
    assert ".code32" in DIALECT.ignored
    assert DIALECT.refused[".code64"] == DIALECT.refused[".code16"] == "only 32-bit code is supported"


def test_push_takes_32_bits() -> None:
    with pytest.raises(ValueError, match="push takes 32 bits"):
        instruction("push $0x100000000")

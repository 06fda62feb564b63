# SPDX-License-Identifier: GPL-2.0-only
"""The assembler as a whole: one question to the encoder, its answers and its complaints."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emulator import catalog
from emulator.assembly.keystone import KeystoneAssembler
from emulator.assembly.piece import Source
from emulator.description import Engine
from emulator.errors import AssemblyError

X86 = catalog.load("x86_64")


class Listener:
    """Remembers what it is asked, and answers with one byte or a complaint."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def encode(self, engine: Engine, texts: Sequence[str]) -> list[bytes | str]:
        self.asked.append(list(texts))
        return ["no such thing" if "bad" in text else b"\x90" for text in texts]


def test_all_sources_are_one_question_without_repetitions() -> None:
    encoder = Listener()
    one = Source("one.S", "push %rax; sub $8, %rsp; .set N, 4; sub $2 * N, %rsp; jmp x; .byte 1")
    other = Source("other.S", "PUSH  %rax; sub $(1 << 3),%rsp; pop %rax; call x")
    pieces = KeystoneAssembler(encoder).assemble(X86, [one, other])
    assert encoder.asked == [["push %rax", "sub $0x8, %rsp", "pop %rax"]]
    assert [piece.name for piece in pieces] == ["one.S", "other.S"]


def test_a_complaint_has_the_place_of_the_first_statement_with_that_text() -> None:
    with pytest.raises(AssemblyError) as caught:
        KeystoneAssembler(Listener()).assemble(
            X86, [Source("a.S", "nop"), Source("b.S", "nop\n  bad %rax # why\nbad %rax")]
        )
    assert str(caught.value) == "b.S:2:3: no such thing: 'bad %rax'"


def test_an_answer_without_the_placeholder() -> None:
    with pytest.raises(AssemblyError, match=r"a\.S:1:1: no room for a symbol in this instruction"):
        KeystoneAssembler(Listener()).assemble(X86, [Source("a.S", "movb $x, %al")])


def test_no_sources_are_no_pieces() -> None:
    assert KeystoneAssembler(Listener()).assemble(X86, []) == []

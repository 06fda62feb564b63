# SPDX-License-Identifier: GPL-2.0-only
"""Whatever the text, the front end gives pieces or an AssemblyError with a place: no other error, no hang.

The encoder is replaced by one that accepts everything; the real one has its own tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator import catalog
from emulator.assembly.dialects.x86_operands import PLACEHOLDERS
from emulator.assembly.keystone import KeystoneAssembler
from emulator.assembly.piece import Piece, Source
from emulator.description import Engine
from emulator.errors import AssemblyError


class AgreeableEncoder:
    """Four bytes for every text, and in them the placeholders that it names."""

    def encode(self, engine: Engine, texts: Sequence[str]) -> list[bytes | str]:
        return [self._code(text) for text in texts]

    def _code(self, text: str) -> bytes | str:
        if "unlucky" in text:
            return "unlucky"
        named = [mark for mark in PLACEHOLDERS.values() if hex(mark) in text]
        return b"\x48\x89\xc0\x90" + b"".join(mark.to_bytes(4 if mark < 1 << 32 else 8, "little") for mark in named)


COMMON = r"""
        .set SIZE, 8 * (2 + 1)
        .macro SAVE pushed=0, regs:vararg
        .ifdef CONFIG
        push %r1; .byte SIZE + \pushed
        .else
        nop
        .endif
        .irp reg, \regs
        push \reg; .byte \@
        .endr
        .endm
        .globl f
        .type f, %function
f:      SAVE pushed=8, r1, "r2", r3
1:      b 2f; .skip -((3f - 2f) > 4) * (3f - 2f), 0x90
2:      bl g /* block
        comment */
3:      .pushsection __mcount_loc, "a"; .long 1b - ., f + 4; .popsection
        .rept 3; .balign 16; nop; .endr
        .ascii "a\n;\"b", "c"; .fill 2, 4, 'x; .size f, . - f; .section .x, "ax"; .previous; .org . + 4
        .if SIZE > 8 && !0; .elseif 1; .endif; .irpc c, 123; .byte 0x\c; .endr
"""
GOOD = {
    "x86_64": COMMON
    + r"""
        sub $SIZE, %rsp # comment
        mov %rax, SIZE+8(%rsp); lock addl $~1, %gs:4(,%rax,8); call *g(%rip); jne f; jmp 2b; loop 1b; mov g, %eax
        movabs $f, %rax; nopl 8(%rax); mov %ss, %rax; notrack jmp *%rax; int $3; mov $f - 4, %rax; .quad f
    """,
    "arm": COMMON
    + r"""
        ldr r0, =f + 4 @ comment
        ldrne r1, [r2, #SIZE]; adr r3, 1b; movw r4, #:lower16:f; push {r0-r3, lr}; bleq f; .ltorg; ldr r0, =0x12345678
        x .req r4; mov x, #'a'; ldr pc, 2b; mcr p15, 0, r0, c7, c10, 4; .word f
    """,
}
EVERY = "".join(GOOD.values())
TOKENS = [
    *EVERY.split(),
    *EVERY.replace(",", " , ").split(" "),
    *"\n;\"'\\()#%$\x01\0",
    "/*",
    "*/",
    "1b",
    "1f",
    "9f",
    ".",
    "=",
]
TOKENS += ["==", "<<", "0x", "0b", "99999999999999999999", "-1", "é", ".set x, x", "x", "unlucky"]


def check(name: str, text: str) -> None:
    outcome = assemble(name, text)
    if isinstance(outcome, AssemblyError):
        assert outcome.place is not None
        assert outcome.place.file
        return
    for line in outcome.lines:
        assert line.offset + line.size <= len(outcome.sections[line.section].data)
    for fixup in outcome.fixups:
        assert fixup.offset < len(outcome.sections[fixup.section].data)


def assemble(name: str, text: str) -> Piece | AssemblyError:
    source = Source("a.S", text, {"CONFIG": 1})
    try:
        return KeystoneAssembler(AgreeableEncoder()).assemble(catalog.load(name), [source])[0]
    except AssemblyError as error:
        return error


@st.composite
def damage(draw: st.DrawFn) -> list[tuple[int, int, str]]:
    """A few cuts: where, how long, and what is put there."""
    return draw(
        st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 30), st.sampled_from(["", *TOKENS])), max_size=4)
    )


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=400)
@given(cuts=damage())
def test_damaged_sources(name: str, cuts: list[tuple[int, int, str]]) -> None:
    text = GOOD[name]
    for start, length, new in cuts:
        text = text[:start] + new + text[start + length :]
    check(name, text)


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=300)
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=40))
def test_shuffled_words(name: str, tokens: list[str]) -> None:
    check(name, " ".join(tokens))


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=200)
@given(text=st.text(max_size=60))
def test_any_text(name: str, text: str) -> None:
    check(name, text)


@pytest.mark.parametrize("name", GOOD)
def test_undamaged_sources(name: str) -> None:
    piece = assemble(name, GOOD[name])
    assert isinstance(piece, Piece), piece
    assert len(piece.lines) > 30

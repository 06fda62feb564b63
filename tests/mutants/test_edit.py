# SPDX-License-Identifier: GPL-2.0-only
"""An edited piece is what an assembler makes of the edited source: symbols, lines and fixups included."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator import catalog
from emulator.assembly import choose
from emulator.assembly.piece import Piece, Source
from emulator.mutants.edit import Edit, Part, edited
from emulator.placement import placement
from emulator.subject import Subject

ARCH = catalog.load("x86_64")
SOURCE = """
        .globl  first
        .type   first, @function
first:
        call    outside
        jne     1f
        sub     $8, %rsp
        mov     variable(%rip), %rax
1:      ret
        .size   first, . - first
        .globl  second
second:
        call    first
        jmp     1b
"""


def assembled(text: str) -> Piece:
    (piece,) = choose(None, ARCH).assemble(ARCH, [Source("test.S", text)])
    return piece


def same(ours: Piece, theirs: Piece) -> None:
    assert ours.sections[".text"].data == theirs.sections[".text"].data
    assert ours.symbols == theirs.symbols
    assert [fixup[:5] for fixup in ours.fixups] == [fixup[:5] for fixup in theirs.fixups]


@pytest.mark.parametrize("line", ["call    outside", "sub     $8, %rsp", "mov     variable(%rip), %rax"])
def test_an_instruction_done_twice(line: str) -> None:
    piece = assembled(SOURCE)
    at = next(item for item in piece.lines if item.text.strip() == line)
    code = piece.sections[".text"].data[at.offset :][: at.size]
    edit = Edit(".text", at.offset, at.size, 2 * code, (Part(0, at.size, 0), Part(0, at.size, at.size)))
    same(edited(piece, edit, ARCH.engine), assembled(SOURCE.replace(line, f"{line}\n        {line}")))


def test_neighbours_exchanged() -> None:
    piece = assembled(SOURCE)
    first, second = (item for item in piece.lines if item.text.strip().startswith(("sub", "mov")))
    data = piece.sections[".text"].data[first.offset :][: first.size + second.size]
    parts = Part(0, first.size, second.size), Part(first.size, second.size, 0)
    edit = Edit(".text", first.offset, len(data), data[first.size :] + data[: first.size], parts)
    other = "        mov     variable(%rip), %rax\n        sub     $8, %rsp\n"
    lines = SOURCE.replace("        sub     $8, %rsp\n", "").replace("        mov     variable(%rip), %rax\n", other)
    same(edited(piece, edit, ARCH.engine), assembled(lines))


def test_a_fixup_of_what_is_gone_is_gone_too() -> None:
    piece = assembled(SOURCE)
    edit = Edit(".text", 0, 5, b"\x90" * 5)
    assert [fixup.symbol for fixup in edited(piece, edit, ARCH.engine).fixups] == [
        fixup.symbol for fixup in piece.fixups if fixup.offset >= 5
    ]


def test_an_altered_subject_is_placed_though_its_lines_say_otherwise(own: Callable[[str, str], Subject]) -> None:
    whole = own("x86_64", "6.12")
    start = whole.trampolines.symbols["ftrace_caller"].value
    piece = edited(whole.trampolines, Edit(".text", start, 7, b"\x90" * 7), ARCH.engine)
    changed = Subject(whole.arch, whole.variant, piece, whole.kernel, whole.origin, altered=True)
    assert placement(changed).bytes_at(placement(changed).label("ftrace_caller"), 7) == b"\x90" * 7
    assert placement(whole).bytes_at(placement(whole).label("ftrace_caller"), 7) != b"\x90" * 7

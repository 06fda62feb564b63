# SPDX-License-Identifier: GPL-2.0-only
"""Sections, symbols, fixups and lines of finished pieces. Bytes are compared with GNU as in test_against_gnu_*."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.assembly.keystone import KeystoneAssembler
from emulator.assembly.piece import Fixup, Piece, Source, Symbol
from emulator.errors import AssemblyError


def assemble(text: str, arch: str = "x86_64", **defines: int) -> Piece:
    return KeystoneAssembler().assemble(catalog.load(arch), [Source("a.S", text, defines)])[0]


def fields(piece: Piece) -> list[tuple[str, int, str, str, int]]:
    return [(fixup.section, fixup.offset, fixup.kind, fixup.symbol, fixup.addend) for fixup in piece.fixups]


def test_symbols() -> None:
    piece = assemble(
        """
        .globl f, later; .weak w; .type f, @function; .type w STT_FUNC
        f: nop; inner: ret
        .size f, . - f
        w: nop; SIZE = 5; .set alias, inner + 1; .set outer, elsewhere; .data; 1: d: .quad 1b
        """
    )
    assert piece.symbols == {
        "f": Symbol("f", ".text", 0, 2, "global", function=True),
        "inner": Symbol("inner", ".text", 1),
        "w": Symbol("w", ".text", 2, 0, "weak", function=True),
        "d": Symbol("d", ".data", 0),
        "SIZE": Symbol("SIZE", None, 5),
        "alias": Symbol("alias", ".text", 2),
    }


def test_every_symbolic_field_has_a_fixup() -> None:
    piece = assemble(
        """
        f: call f; jmp f; jz far; mov f(%rip), %rax; movl $1, f+8(%rip); mov $f, %eax; mov $f, %rax; movabs $f, %rax
        1: jmp 1b; call 0x1234; .quad f; .long f - ., g - .
        """
    )
    assert fields(piece) == [
        (".text", 1, "R_X86_64_PC32", "f", -4),
        (".text", 6, "R_X86_64_PC8", "f", -1),
        (".text", 9, "R_X86_64_PC32", "far", -4),
        (".text", 16, "R_X86_64_PC32", "f", -4),
        (".text", 22, "R_X86_64_PC32", "f", 0),
        (".text", 31, "R_X86_64_32", "f", 0),
        (".text", 38, "R_X86_64_32S", "f", 0),
        (".text", 44, "R_X86_64_64", "f", 0),
        (".text", 53, "R_X86_64_PC8", ".text", 51),
        (".text", 55, "R_X86_64_PC32", "*ABS*", 0x1230),
        (".text", 59, "R_X86_64_64", "f", 0),
        (".text", 71, "R_X86_64_PC32", "g", 0),
    ]
    assert piece.undefined == ("far", "g")
    assert piece.symbols["*ABS*"] == Symbol("*ABS*", None, 0)


def test_fields_of_arm_count_from_the_pipeline() -> None:
    piece = assemble("f: bl g; beq f; ldr r0, =g; adr r1, f; movw r2, #:lower16:g; movt r2, #:upper16:g+4", "arm")
    assert fields(piece) == [
        (".text", 0, "R_ARM_CALL", "g", -8),
        (".text", 4, "R_ARM_JUMP24", "f", -8),
        (".text", 8, "R_ARM_LDR_PC_G0", ".text", 24 - 8),
        (".text", 12, "R_ARM_ALU_PC_G0", "f", -8),
        (".text", 16, "R_ARM_MOVW_ABS_NC", "g", 0),
        (".text", 20, "R_ARM_MOVT_ABS", "g", 4),
        (".text", 24, "R_ARM_ABS32", "g", 0),
    ]


def test_a_field_can_be_applied_again_elsewhere() -> None:
    assert assemble("a: nop; .skip 3; b: .long b - a").fixups == ()  # a distance in one section is a number
    (fixup,) = assemble("a: .quad a").fixups
    assert fixup == Fixup(".text", 0, "R_X86_64_64", "a", 0, fixup.place)
    assert str(fixup.place) == "a.S:1:1"


def test_sections() -> None:
    piece = assemble(
        """
        nop; .section .rodata; .byte 1; .balign 8; .section .mine, "aw"; .byte 2
        .section .note.GNU-stack, "", @progbits
        .section .hot, "ax"; ret; .bss; .skip 5; .section .comment; .byte 3; .comm shared, 8, 16
        """
    )
    assert {
        name: (section.align, section.executable, section.writable) for name, section in piece.sections.items()
    } == {
        ".text": (1, True, False),
        ".rodata": (8, False, False),
        ".mine": (1, False, True),
        ".hot": (1, True, False),
        ".bss": (16, False, True),
    }
    assert piece.symbols["shared"] == Symbol("shared", ".bss", 16, 0, "global")


def test_lines_cover_the_sections() -> None:
    piece = assemble("nop\n.byte 1\n.balign 8\nx: ret; .quad 1, 2\nl: jmp l")
    assert [(line.offset, line.size, line.place.line, line.instruction) for line in piece.lines] == [
        (0, 1, 1, True),
        (1, 1, 2, False),
        (2, 6, 3, False),
        (8, 1, 4, True),
        (9, 16, 4, False),
        (25, 2, 5, True),
    ]


def test_a_literal_pool_is_no_instruction() -> None:
    assert [line.instruction for line in assemble("ldr r0, =f\nnop\n.ltorg", "arm").lines] == [True, True, False]


def test_an_empty_source_is_an_empty_piece() -> None:
    assert assemble("").sections == {".text": assemble("# nothing").sections[".text"]}


ERRORS = {
    "a label twice": ("a: nop\na: nop", "a.S:2:1: 'a' is defined already"),
    "a label that is a constant": ("a = 1\na: nop", "a.S:2:1: 'a' is defined already"),
    "a constant that is a label": ("a: nop\n a = 1", "a.S:2:2: 'a' is a label already"),
    "equiv": ("a = 1\n.equiv a, 2", "a.S:2:1: 'a' is defined already"),
    "no label before": ("nop\n jmp 1b\n1:", "a.S:2:2: there is no label 1: before this"),
    "no label behind": ("1: jmp 1f", "a.S:1:1: there is no label 1: behind this"),
    "defined by itself": (".set a, b\n.set b, a\n.quad a", "is defined by itself"),
    "a chain": (
        "".join(f".set a{n}, a{n + 1}\n" for n in range(3000)) + ".quad a0",
        "too long a chain|nested too deep|chain",
    ),
    "a distance between sections": ("a: .data\nb: .long a - b + c", "a.S:2:1: "),
    "a distance from outside": (".long 1 - a", "a.S:1:1: the distance from 'a' is not known here"),
    "a sum of addresses": ("a: .quad a + a", "cannot be added"),
    "too small": (".byte 256", "a.S:1:1: 0x100 does not fit into 1 bytes"),
    "too large a section": (".skip 0x7fffffff", "a.S:1:1: .* more than a section may have"),
    "too large in sum": (".rept 40\n.skip 0x80000\n.endr", "a.S:2:1: section .text has more than"),
    "negative space": ("a: nop\nb: .skip a - b", "a.S:2:1: cannot fill -1 times"),
    "org back": ("nop\n nop\n.org 1", "a.S:3:1: .org goes back by 1 bytes"),
    "a crooked alignment": (".balign 3", "a power of two"),
    "a large alignment": (".p2align 100000000", "cannot align"),
    "sizes that never settle": ("a: .skip 1 - (b - a)\nb:", "a.S:"),
    "an unknown directive": ("nop\n  .frobnicate 1", "a.S:2:3: directive .frobnicate is not known"),
    "intel syntax": (".intel_syntax noprefix", "Intel syntax is not supported"),
    "popsection": (".popsection", "without .pushsection"),
    "a section's name": (".section", "expected a section's name"),
    "not a string": (".ascii abc", "expected a string"),
    "no instruction": ("nop\n  %rax", "a.S:2:3: neither a label"),
    "an unknown instruction": ("nop\n frob %rax", "a.S:2:2: .*'frob %rax'"),
    "wrong operands": ("xorl %ecx, %rbp", "a.S:1:1: "),
    "another alphabet": ("mov %räx, %rbx", "a.S:1:1: "),
    "half an operand": ("mov %rax,", "a.S:1:1: an operand is missing"),
    "a constant that comes too late": (".if X\n.endif\nX = 1", "'X' is not a constant here"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    text, message = ERRORS[name]
    with pytest.raises(AssemblyError, match=message):
        assemble(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ldr r0, [r1, #x]", "only a number that is known by now"),
        ("blx label", "goes to Thumb code"),
        (".thumb", "Thumb code is not supported"),
        (".hword x", "an address does not fit into 2 bytes"),
    ],
)
def test_errors_of_arm(text: str, message: str) -> None:
    with pytest.raises(AssemblyError, match=f"a.S:1:1: .*{message}"):
        assemble(text, "arm")


def test_an_error_in_a_macro_names_body_and_call() -> None:
    with pytest.raises(AssemblyError) as caught:
        assemble(".macro m a\n  mov \\a, nowhere(\n.endm\n\n m %rax")
    assert (str(caught.value.place), [str(call) for call in caught.value.calls]) == ("a.S:2:3", ["a.S:5:2"])
    assert caught.value.text == "mov %rax, nowhere("

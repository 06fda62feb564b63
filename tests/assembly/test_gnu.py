# SPDX-License-Identifier: GPL-2.0-only
"""GNU as as an assembler: bytes, fixups, and lines that keep both ends of a macro call."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from emulator import catalog
from emulator.assembly import decode, link
from emulator.assembly.gnu import GnuAssembler
from emulator.assembly.piece import Fixup, Piece, Source
from emulator.description import Arch
from emulator.errors import AssemblyError, InputError, Place

X86, ARM = catalog.load("x86_64"), catalog.load("arm")
GNU = GnuAssembler()

pytestmark = pytest.mark.gnu_as


@pytest.fixture(autouse=True)
def tools() -> None:
    for arch in (X86, ARM):
        if reason := GNU.available(arch):
            pytest.skip(reason)


def assemble(text: str, arch: Arch = X86, **more: object) -> Piece:
    [piece] = GNU.assemble(arch, [replace(Source("a.S", text), **more)])  # type: ignore[arg-type]
    return piece


def rows(piece: Piece) -> list[tuple[str, int, int, str, int, list[int]]]:
    """(section, offset, size, text, line, lines of the calls) of every line."""
    return [
        (line.section, line.offset, line.size, line.text, line.place.line, [call.line for call in line.calls])
        for line in piece.lines
    ]


MACROS = """\
.macro outer n              // 1
        nop; hlt
        inner \\n, %rax     /* 3 */
.endm
.macro inner n, register
        movq \\register, \\n(%rsp)
.endm
start:  outer 16            # 8
        call far
        .data
        .quad start
        .previous
        .rept 2
        ret
        .endr
"""


def test_an_instruction_of_a_macro_keeps_its_own_line_and_the_calls() -> None:
    assert rows(assemble(MACROS)) == [
        (".text", 0, 1, "nop", 2, [8]),
        (".text", 1, 1, "hlt", 2, [8]),
        (".text", 2, 5, "movq %rax,16(%rsp)", 6, [3, 8]),
        (".text", 7, 5, "call far", 9, []),
        (".data", 0, 8, ".quad start", 11, []),
        (".text", 12, 1, "ret", 14, []),
        (".text", 13, 1, "ret", 14, []),
    ]


def test_bytes_symbols_and_fixups() -> None:
    piece = assemble(MACROS)
    assert piece.sections[".text"].data == bytes.fromhex("90f44889442410e800000000c3c3")
    assert piece.symbols["start"].value == 0
    assert piece.undefined == ("far",)
    assert piece.fixups == (
        Fixup(".text", 8, "R_X86_64_PLT32", "far", -4, Place("a.S", 9, 9)),
        Fixup(".data", 0, "R_X86_64_64", ".text", 0, Place("a.S", 11, 9)),
    )


def test_every_line_decodes_back() -> None:
    placed = link.place(piece := assemble(MACROS), link.in_a_row(piece.sections.values(), 0x1000), {"far": 0x5000})
    decode.verify(placed, X86.engine)
    assert [line.line.instruction for line in placed.lines] == [True] * 6 + [False]


def test_sections_are_followed_through_macros_and_conditions() -> None:
    text = """
        .macro aside
        .pushsection .far, "ax"
        cli
        .popsection
        .endm
        .section .near, "ax"
        nop
        .ifdef NEVER
        .section .wrong, "ax"
        .endif
        aside
        hlt
        .text
        sti
        .data
        .byte 1
        .previous
        ret
    """
    assert [(line.section, line.offset, line.text) for line in assemble(text).lines] == [
        (".near", 0, "nop"),
        (".far", 0, "cli"),
        (".near", 1, "hlt"),
        (".text", 0, "sti"),
        (".data", 0, ".byte 1"),
        (".text", 1, "ret"),
    ]


def test_arm_with_a_literal_pool() -> None:
    piece = assemble("start: ldr r0, =far\n bl far @ comment\n bne start\n bx lr\n .ltorg\n", ARM)
    assert [(fixup.offset, fixup.kind, fixup.symbol, fixup.addend) for fixup in piece.fixups] == [
        (4, "R_ARM_CALL", "far", -8),
        (16, "R_ARM_ABS32", "far", 0),
    ]
    assert [line.text for line in piece.lines if line.instruction] == ["ldr r0, =far", "bl far", "bne start", "bx lr"]
    decode.verify(link.place(piece, dict.fromkeys(piece.sections, 0xC0100000), {"far": 0xC0123450}), ARM.engine)


def test_defines_reach_conditions_and_operands() -> None:
    text = ".if CONFIG == 0xffffffff81000000\n movq $OFFSET, %rax\n .endif"
    piece = assemble(text, defines={"CONFIG": 0xFFFFFFFF81000000, "OFFSET": -8})
    assert piece.sections[".text"].data == bytes.fromhex("48c7c0f8ffffff")


def test_several_sources_give_as_many_pieces() -> None:
    pieces = GNU.assemble(X86, [Source("a.S", "nop"), Source("b.S", "hlt")])
    assert [(piece.name, piece.sections[".text"].data) for piece in pieces] == [("a.S", b"\x90"), ("b.S", b"\xf4")]


def test_line_markers_of_a_preprocessor_lead_to_the_original() -> None:
    assert assemble('# 1 "a.S"\nnop\n# 41 "sub/b.S"\nhlt').lines[1].place == Place("sub/b.S", 41, 1)


def test_includes_below_the_folder_are_taken_with_their_own_lines(tmp_path: Path) -> None:
    Path(tmp_path, "b.inc").write_text("nop\n  hlt\n", encoding="ascii")
    piece = assemble('.include "b.inc"\nret', includes=(str(tmp_path),))
    assert [(line.place.file, line.place.line) for line in piece.lines] == [
        (str(tmp_path / "b.inc"), 1),
        (str(tmp_path / "b.inc"), 2),
        ("a.S", 2),
    ]


def test_incbin_below_the_folder_is_taken(tmp_path: Path) -> None:
    Path(tmp_path, "with space.bin").write_bytes(b"abc")
    piece = assemble('.data\n.incbin "with space.bin"', includes=(str(tmp_path),))
    assert piece.sections[".data"].data == b"abc"


@pytest.mark.parametrize(
    "statement",
    [
        '.incbin "{}"',
        '.include "{}"',
        '.macro m f\n.include "\\f"\n.endm\nm {}',
        '.macro m f\n.incbin "\\f"\n.endm\nm {}',
    ],
)
def test_files_elsewhere_are_refused(tmp_path: Path, statement: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("nop\n", encoding="ascii")
    with pytest.raises(InputError, match="lies outside of"):
        assemble(statement.format(secret))


def test_a_file_elsewhere_in_a_false_condition_does_not_matter() -> None:
    assert assemble('.if 0\n.include "/nowhere"\n.endif\nnop').sections[".text"].data == b"\x90"


@pytest.mark.parametrize(
    ("text", "message", "place", "shown", "calls"),
    [
        ("nop\n  frob %eax", "no such instruction", Place("a.S", 2, 3), "frob %eax", ()),
        ("nop; movq %eax", "number of operands mismatch", Place("a.S", 1, 6), "movq %eax", ()),
        ("jmp 1b", "backward ref to unknown label", Place("a.S", 1, 1), "jmp 1b", ()),
        ('.error "my words"', "my words", Place("a.S", 1, 1), '.error "my words"', ()),
        (".macro m\nfrob\n.endm\nnop\nm", "no such instruction", Place("a.S", 2, 1), "frob", (Place("a.S", 5, 1),)),
    ],
)
def test_errors_have_the_place_and_the_calls(
    text: str, message: str, place: Place, shown: str, calls: tuple[Place, ...]
) -> None:
    with pytest.raises(AssemblyError, match=message) as caught:
        assemble(text)
    assert (caught.value.place, caught.value.text, caught.value.calls) == (place, shown, calls)


@pytest.mark.parametrize(
    "text",
    [
        ".macro m\nm\n.endm\nm",
        ".rept 1000000000\nnop\n.endr",
        ".fill 4000000000",
        ".skip 1 << 40",
        ".macro m\nm\nm\n.endm\nm",
        "\0",
        ".rept 100000\n.rept 100000\nnop\n.endr\n.endr",
    ],
)
def test_what_would_take_all_memory_or_time_is_an_error(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match=r"^a\.S:"):
        assemble(text)
    assert time.monotonic() - start < 20


def test_an_as_for_another_machine_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = replace(ARM, engine=replace(ARM.engine, gnu=("", "arm-linux-gnueabihf-"), gnu_flags=()))
    GNU.assemble(ARM, [Source("a.S", "nop")])
    assert GNU.assemble(host, [Source("a.S", "mov r0, r1")])[0].sections[".text"].data == bytes.fromhex("0100a0e1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert GNU.available(host) == "no GNU as for arm is on PATH (tried as, arm-linux-gnueabihf-as)"
    with pytest.raises(InputError, match="no GNU as for arm"):
        GNU.assemble(host, [Source("a.S", "nop")])


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assemble("nop")
    assert os.listdir(tmp_path) == []  # noqa: PTH208

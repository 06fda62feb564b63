# SPDX-License-Identifier: GPL-2.0-only
"""Decoding, and catching an assembler that did something else than it was asked to."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from emulator import catalog
from emulator.assembly import link
from emulator.assembly.decode import disassemble, verify
from emulator.assembly.link import Placed
from emulator.assembly.piece import Fixup, Line, Piece, Section, Symbol
from emulator.description import Engine
from emulator.errors import AssemblyError, Place

X86, ARM = catalog.load("x86_64"), catalog.load("arm")
TEXT = 0xFFFFFFFF81000000


@pytest.mark.parametrize(
    ("engine", "code", "address", "text", "target"),
    [
        (X86.engine, "e800000000", TEXT, "callq 0xffffffff81000005", TEXT + 5),
        (X86.engine, "eb02", 0, "jmp 4", 4),
        (X86.engine, "7efe", TEXT, "jle 0xffffffff81000000", TEXT),
        (X86.engine, "e300", 0x10, "jrcxz 0x12", 0x12),
        (X86.engine, "ff1500000000", TEXT, "callq *(%rip)", None),
        (X86.engine, "ffd0", TEXT, "callq *%rax", None),
        (X86.engine, "68efcd0000", TEXT, "pushq $0xcdef", None),
        (X86.engine, "488944240a", TEXT, "movq %rax, 0xa(%rsp)", None),
        (ARM.engine, "000000eb", 0xC0100000, "bl #0xc0100008", 0xC0100008),
        (ARM.engine, "feffff0a", 0xC0100000, "beq #0xc0100000", 0xC0100000),
        (ARM.engine, "1eff2fe1", 0xC0100000, "bx lr", None),
        (ARM.engine, "18009fe5", 0xC0100000, "ldr r0, [pc, #0x18]", None),
    ],
)
def test_one_instruction(engine: Engine, code: str, address: int, text: str, target: int | None) -> None:
    [found] = disassemble(engine, bytes.fromhex(code), address)
    assert (str(found), found.target) == (text, target)
    assert (found.address, found.data, found.size) == (address, bytes.fromhex(code), len(code) // 2)


def test_decoding_stops_at_what_is_no_instruction() -> None:
    assert [found.mnemonic for found in disassemble(X86.engine, b"\x90\x06\x90", 0)] == ["nop"]
    assert disassemble(X86.engine, b"", 0) == ()


@dataclass(frozen=True)
class Row:
    """A line of source and the bytes it was assembled to."""

    text: str
    code: str
    fixup: Fixup | None = None


def placed(*rows: Row, externs: dict[str, int] | None = None) -> Placed:
    """The rows one after the other; `here` is the first byte."""
    lines, data = [], b""
    for number, row in enumerate(rows, 1):
        code = bytes.fromhex(row.code)
        lines.append(Line(".text", len(data), len(code), Place("a.S", number), row.text, (Place("a.S", 99),)))
        data += code
    symbols = {"here": Symbol("here", ".text", 0), "there": Symbol("there", ".text", 0x10)}
    found = tuple(row.fixup for row in rows if row.fixup)
    piece = Piece("a.S", {".text": Section(".text", data, executable=True)}, symbols, tuple(lines), found)
    return link.place(piece, {".text": TEXT}, externs or {})


def test_sections_side_by_side_are_decoded_apart() -> None:
    sections = {name: Section(name, b"\x90", executable=True) for name in (".text", ".init.text")}
    lines = tuple(Line(name, 0, 1, Place("a.S", 1), "nop") for name in sections)
    piece = Piece("a.S", sections, {}, lines, ())
    verify(link.place(piece, {".text": TEXT, ".init.text": TEXT + 1}, {}), X86.engine)


def field(offset: int, symbol: str, addend: int = -4) -> Fixup:
    return Fixup(".text", offset, "R_X86_64_PC32", symbol, addend, Place("a.S", 1))


NOP = Row("nop", "90")

RIGHT = {
    "plain": [NOP, Row("movq %rax, 0x10(%rsp)", "4889442410"), NOP],
    "a jump back without a fixup": [NOP, Row("jmp here", "ebfd")],
    "a call with a fixup": [Row("call there", "e800000000", field(1, "there")), NOP],
    "a call to a symbol from elsewhere": [Row("call far", "e800000000", field(1, "far")), NOP],
    "an expression": [Row("call there+4", "e800000000", field(1, "there", 0)), NOP],
    "a numeric label": [Row("jmp 1f", "e900000000", field(1, "there", -4)), NOP],
    "a prefix as a statement": [Row("lock", "f0"), Row("incl (%rax)", "ff00"), NOP],
    "repeat as a statement": [Row("rep", "f3"), Row("ret", "c3"), NOP],
    "several statements": [Row("ret; nop", "c390")],
    "a load, whose fixup is no branch's": [Row("movq there(%rip), %rdx", "488b1500000000", field(3, "there")), NOP],
}

WRONG = {
    "two instructions": ([NOP, Row("ret", "c390"), NOP], "assembled to c3 90, which is retq", 2),
    "too short": ([NOP, Row("call *%rax", "ff"), Row("nop", "d0")], "assembled to ff, which is callq", 2),
    "no instruction": ([NOP, Row("foo", "06"), NOP], "assembled to 06, which is no instruction", 2),
    "the end of the line before": ([Row("nop", "48"), NOP, NOP], "assembled to 48, which is nop", 1),
    "a jump elsewhere": (
        [NOP, Row("jmp here", "ebfc")],
        "a branch to 0xffffffff80ffffff instead of 0xffffffff81000000",
        2,
    ),
    "an addend too small": (
        [Row("call there", "e800000000", field(1, "there", -5))],
        "a branch to 0xffffffff8100000f",
        1,
    ),
    "an addend that is missing": (
        [Row("call far", "e800000000", field(1, "far", 0))],
        "to 0xffffffff81000104 instead",
        1,
    ),
}


@pytest.mark.parametrize("rows", RIGHT.values(), ids=RIGHT)
def test_what_was_asked_for_passes(rows: list[Row]) -> None:
    verify(placed(*rows, externs={"far": TEXT + 0x100}), X86.engine)


@pytest.mark.parametrize(("rows", "message", "number"), WRONG.values(), ids=WRONG)
def test_what_was_not_asked_for_is_an_error_at_its_line(rows: list[Row], message: str, number: int) -> None:
    with pytest.raises(AssemblyError) as caught:
        verify(placed(*rows, externs={"far": TEXT + 0x100}), X86.engine)
    assert message in str(caught.value)
    assert caught.value.place == Place("a.S", number)
    assert caught.value.text == rows[number - 1].text
    assert caught.value.calls == (Place("a.S", 99),)


def test_data_between_instructions_is_left_alone() -> None:
    lines = (
        Line(".text", 0, 1, Place("a.S", 1), "nop"),
        Line(".text", 1, 2, Place("a.S", 2), ".byte 6, 6", instruction=False),
        Line(".text", 3, 1, Place("a.S", 3), "nop"),
    )
    piece = Piece("a.S", {".text": Section(".text", b"\x90\x06\x06\x90")}, {}, lines, ())
    verify(link.place(piece, {".text": TEXT}, {}), X86.engine)


def test_arm_branches_count_from_two_instructions_on() -> None:
    def branch(symbol: str, addend: int) -> Placed:
        lines = (Line(".text", 0, 4, Place("a.S", 1), f"bl {symbol}"),)
        found = (Fixup(".text", 0, "R_ARM_CALL", "far", addend, Place("a.S", 1)),)
        piece = Piece("a.S", {".text": Section(".text", bytes.fromhex("000000eb"))}, {}, lines, found)
        return link.place(piece, {".text": 0xC0100000}, {"far": 0xC0200000})

    verify(branch("far", -8), ARM.engine)
    verify(branch("far+8", 0), ARM.engine)
    with pytest.raises(AssemblyError, match="a branch to 0xc0200008 instead of 0xc0200000"):
        verify(branch("far", 0), ARM.engine)


def test_a_hundred_instructions_take_no_time() -> None:
    rows = [Row(f"movq %rax, {8 * number:#x}(%rsp)", f"48898424{8 * number:02x}010000") for number in range(16)]
    piece = placed(*(rows * 6), Row("jmp here", "e900000000", field(769, "here")))
    verify(piece, X86.engine)  # loads capstone
    best = min(timed(piece) for _ in range(5))
    assert best < 0.02  # 2 ms where this was written; a busy machine gets ten times that


def timed(piece: Placed) -> float:
    disassemble.cache_clear()
    start = time.perf_counter()
    verify(piece, X86.engine)
    return time.perf_counter() - start

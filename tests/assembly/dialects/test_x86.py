# SPDX-License-Identifier: GPL-2.0-only
"""What the encoder is asked for x86-64: hexadecimal numbers, placeholders, the spelling that gives GNU's bytes."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.assembly import dialects
from emulator.assembly.dialects import Draft
from emulator.assembly.piece import Source
from emulator.assembly.reader import SourceReader

DIALECT = dialects.load(catalog.load("x86_64").engine.dialect)


def draft(text: str) -> Draft:
    mnemonic, _, operands = text.partition(" ")
    drafted = DIALECT.instruction(mnemonic, operands, SourceReader(Source("a.S", "", {"SIZE": 168}), DIALECT))
    assert isinstance(drafted, Draft)
    return drafted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sub $SIZE-8, %rsp", "sub $0xa0, %rsp"),
        ("mov %rax, -010(%rbp,%rcx,2*2)", "mov %rax, -0x8(%rbp,%rcx,0x4)"),
        ("mov %gs:8, %rax", "mov %gs:0x8(,%riz,1), %rax"),
        ("call *table(,%rax,8)", "call *0x1de51de5(,%rax,0x8)"),
        ("cmpq $x, y(%rip)", "cmpq $0x1a5e1a5e, 0x1de51de5(%rip)"),
        ("movabs $x, %rax", "movabs $0x1b6f1b6f2c7d2c7d, %rax"),
        ("mov $1, %r9", "movq $0x1, %r9"),
        ("mov %ss, %rax", "movl %ss, %eax"),
        ("movw 8(%rsp), %ds", "mov 0x8(%rsp), %ds"),
        ("nopl (%rax)", "prefetchnta (%rax)"),
        ("jmp *%r11", "jmp *%r11"),
        ("rep movsq", "movsq"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert draft(text).text == expected


@pytest.mark.parametrize("size", range(1, 12))
def test_padding_is_one_instruction_while_it_can(size: int) -> None:
    assert len(DIALECT.padding(size)) == size
    assert DIALECT.padding(size)[-1:] in (b"\x90", b"\x00")


def test_much_padding_is_jumped_over() -> None:
    assert DIALECT.padding(87)[:1] == b"\x66"
    assert DIALECT.padding(88)[:2] == b"\xeb\x56"
    assert DIALECT.padding(130)[:5] == b"\xe9\x7d\0\0\0"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("test %rip, %rax", "%rip is no operand"),
        ("jmp *%rip", "%rip is no operand"),
        ("lea (%rax,%rip), %rbx", "no base with an index"),
        ("mov 8(%rip,%rax), %rbx", "no base with an index"),
        ("mov (%rax,%rsp,8), %rbx", "no base with an index"),
        ("push $0xffffffff", "push takes 32 bits"),
        ("push $0x80000000", "push takes 32 bits"),
    ],
)
def test_what_the_encoder_would_take_for_something_else_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        draft(text)


@pytest.mark.parametrize(
    "text",
    ["mov 8(%rip), %rax", "mov (%rsp,%rax,8), %rbx", "push $-0x80000000", "push $0x7fffffff", "push $-1", "push $x"],
)
def test_and_its_neighbours_are_not(text: str) -> None:
    assert draft(text).text.split()[0] == text.split(maxsplit=1)[0]


@pytest.mark.parametrize("text", ["mov x, y", "mov %rax,", "mov $, %rax", "mov 8(%rax, %rbx", "mov $1 2, %rax"])
def test_operands_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        draft(text)

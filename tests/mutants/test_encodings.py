# SPDX-License-Identifier: GPL-2.0-only
"""Fields are where the disassembler says that they are: what is changed there is what it then says is changed."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.assembly.decode import disassemble
from emulator.description import Engine
from emulator.errors import UsageError
from emulator.mutants.encodings import encoding
from emulator.mutants.field import Operator

X86, X86_32, ARM = (catalog.load(name).engine for name in ("x86_64", "i386", "arm"))


def changed(engine: Engine, code: str, operator: Operator) -> set[str]:
    """What the mutants of an instruction are, as the disassembler has them."""
    data = bytes.fromhex(code)
    fields = [field for field in encoding(engine).fields(data) if field.operator is operator]
    found = [disassemble(engine, new, 0) for field in fields for new, _ in field.changed(data)]
    return {str(at[0]) for at in found if [item.size for item in at] == [len(data)]}


@pytest.mark.parametrize(
    ("code", "operator", "expected"),
    [
        ("48894424 50", Operator.DISPLACEMENT, {"movq %rax, 0x58(%rsp)", "movq %rax, 0x48(%rsp)"}),
        ("48898424 98000000", Operator.DISPLACEMENT, {"movq %rax, 0xa0(%rsp)", "movq %rax, 0x90(%rsp)"}),
        ("48894424 50", Operator.WIDTH, {"movb %al, 0x50(%rsp)", "movl %eax, 0x50(%rsp)"}),
        ("4883ef 05", Operator.IMMEDIATE, {f"subq ${value}, %rdi" for value in (6, 4, "0xd", "-3")}),
        ("4889e1", Operator.REGISTER, {f"movq %{name}, %rcx" for name in ("rbp", "rdi", "r12")}
         | {f"movq %rsp, %{name}" for name in ("rax", "rdx", "r9")} | {"movq %rcx, %rsp"}),
        ("55", Operator.REGISTER, {"pushq %rsp", "pushq %rsi"}),
        ("7510", Operator.BRANCH, {"je 0x12"}),
        ("0f8500010000", Operator.BRANCH, {"je 0x106"}),
        ("e800000000", Operator.BRANCH, {"jmp 5"}),
        ("e800010000", Operator.DISPLACEMENT, {"callq 0x10d", "callq 0xfd"}),
        ("813d0000000000000000", Operator.IMMEDIATE,
         {f"cmpl ${value}, (%rip)" for value in (1, 8, "0xffffffff", "0xfffffff8")}),
    ],
)  # fmt: skip
def test_x86(code: str, operator: Operator, expected: set[str]) -> None:
    assert changed(X86, code, operator) == expected


@pytest.mark.parametrize(
    ("code", "operator", "expected"),
    [
        ("894424 18", Operator.DISPLACEMENT, {"movl %eax, 0x1c(%esp)", "movl %eax, 0x14(%esp)"}),
        ("894424 18", Operator.WIDTH, {"movb %al, 0x18(%esp)"}),
        ("83e8 05", Operator.IMMEDIATE, {f"subl ${value}, %eax" for value in (6, 4, 9, 1)}),
        ("89e5", Operator.REGISTER, {f"movl %{name}, %ebp" for name in ("ebp", "edi")}
         | {f"movl %esp, %{name}" for name in ("esp", "esi")} | {"movl %ebp, %esp"}),
        ("55", Operator.REGISTER, {"pushl %esp", "pushl %esi"}),
        ("48", Operator.REGISTER, {"decl %ecx", "decl %ebx"}),
        ("1e", Operator.REGISTER, {"pushl %ss", "pushl %cs", "popl %ds"}),
        ("0fa8", Operator.REGISTER, {"pushl %fs", "popl %gs"}),
        ("a178563412", Operator.DISPLACEMENT, {"movl 0x1234567c, %eax", "movl 0x12345674, %eax"}),
        ("8b0d78563412", Operator.DISPLACEMENT, {"movl 0x1234567c, %ecx", "movl 0x12345674, %ecx"}),
        ("833d7856341200", Operator.IMMEDIATE,
         {f"cmpl ${value}, 0x12345678" for value in (1, 4, "-1", "-4")}),
    ],
)  # fmt: skip
def test_x86_32(code: str, operator: Operator, expected: set[str]) -> None:
    assert changed(X86_32, code, operator) == expected


@pytest.mark.parametrize(
    ("code", "operator", "expected"),
    [
        ("04e09de5", Operator.WIDTH, {"ldrb lr, [sp, #4]"}),
        ("14109de5", Operator.DISPLACEMENT, {"ldr r1, [sp, #0x18]", "ldr r1, [sp, #0x10]", "ldr r1, [sp, #-0x14]",
                                             "ldr r1, [sp], #0x14", "ldr r1, [sp, #0x14]!"}),
        ("000092e5", Operator.DISPLACEMENT, {"ldr r0, [r2, #4]", "ldr r0, [r2, #0xffc]"}),
        ("08f09de4", Operator.DISPLACEMENT, {"ldr pc, [sp], #0xc", "pop {pc}", "ldr pc, [sp], #-8",
                                             "ldr pc, [sp, #8]"}),
        ("0400bde8", Operator.REGISTER, set()),
        ("0000001a", Operator.BRANCH, {"beq #8", "blne #8"}),
        ("000000eb", Operator.BRANCH, {"b #8"}),
        ("000000eb", Operator.DISPLACEMENT, {"bl #0xc", "bl #4"}),
        ("1eff2fe1", Operator.REGISTER, {"bx pc", "bx sp", "bx r6"}),
    ],
)  # fmt: skip
def test_arm(code: str, operator: Operator, expected: set[str]) -> None:
    found = changed(ARM, code, operator)
    assert found == expected if expected else found


def test_every_register_of_a_list_comes_and_goes() -> None:
    found = changed(ARM, "0f00bde8", Operator.REGISTER)
    assert {"pop {r1, r2, r3}", "pop {r0, r1, r2, r3, r4}", "pop {r0, r1, r2, r3, pc}"} <= found


def test_an_encoding_that_nobody_has_described_is_said_so() -> None:
    class Unknown:
        dialect = "unheard_of"

    with pytest.raises(UsageError, match="unheard_of"):
        encoding(Unknown())  # type: ignore[arg-type]

# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that may change places, and neighbours that may not."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.mutants.effects import commute, idempotent

X86, ARM = catalog.load("x86_64"), catalog.load("arm")


@pytest.mark.parametrize(
    ("first", "second", "free"),
    [
        ("4889442450", "48894c2458", True),  # mov %rax, 80(%rsp); mov %rcx, 88(%rsp)
        ("4889442450", "48894c2454", False),  # ... 84(%rsp)
        ("4889442450", "48894d58", False),  # ... 88(%rbp), which may be the same
        ("4883ec08", "48894c2458", False),  # sub $8, %rsp; ...
        ("488b442450", "4889c7", False),  # mov 80(%rsp), %rax; mov %rax, %rdi
        ("488b442450", "b800000000", False),  # ...; mov $0, %eax
        ("4889e1", "e800000000", False),  # mov %rsp, %rcx; call
        ("55", "48894c2458", False),  # push %rbp; ...
        ("85c0", "4889e1", True),  # test %eax, %eax; mov %rsp, %rcx
        ("85c0", "4883ef05", False),  # ...; sub $5, %rdi
        ("4c894c2430", "488d7d08", True),  # mov %r9, 48(%rsp); lea 8(%rbp), %rdi
        ("488b1500100000", "4889442450", True),  # mov 0x1000(%rip), %rdx; mov %rax, 80(%rsp)
    ],
)
def test_x86(first: str, second: str, free: bool) -> None:
    pair = bytes.fromhex(first), bytes.fromhex(second)
    assert commute(X86, *pair) is commute(X86, *pair[::-1]) is free


@pytest.mark.parametrize(
    ("first", "second", "free"),
    [
        ("10109de5", "0020a0e3", True),  # ldr r1, [sp, #16]; mov r2, #0
        ("10109de5", "0010a0e3", False),  # ...; mov r1, #0
        ("0f002de9", "10109de5", False),  # push {r0-r3}; ldr r1, [sp, #16]
    ],
)
def test_arm(first: str, second: str, free: bool) -> None:
    pair = bytes.fromhex(first), bytes.fromhex(second)
    assert commute(ARM, *pair) is commute(ARM, *pair[::-1]) is free


@pytest.mark.parametrize(
    ("code", "twice_is_once"),
    [
        ("4889442450", True),  # mov %rax, 80(%rsp)
        ("488b442450", True),
        ("488b36", False),  # mov (%rsi), %rsi
        ("4883ef05", False),
        ("55", False),
        ("c3", True),  # the second one never runs
        ("e800000000", False),
        ("85c0", True),
    ],
)
def test_twice(code: str, twice_is_once: bool) -> None:
    assert idempotent(X86, bytes.fromhex(code)) is twice_is_once

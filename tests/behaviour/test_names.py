# SPDX-License-Identifier: GPL-2.0-only
"""Numbers by what they mean."""

from __future__ import annotations

import pytest

from emulator.behaviour.names import OTHER, Names
from emulator.core.ops import FtraceOps
from emulator.lab import Lab

SP, KNOWN = 0xFFFFC90000007000, 0xFFFFFFFF81003000
REGISTERS = {"rax": 5, "rbx": 0x1234567890ABCDEF, "rbp": SP, "rsp": SP, "eflags": 0xAC2}


@pytest.fixture
def lab() -> Lab:
    return Lab("x86_64", variant="6.12")


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (KNOWN, "rec->ip"),
        (KNOWN + 5, "rec->ip+5"),
        (KNOWN - 4, "rec->ip-4"),
        (0x1234567890ABCDEF, "rbx"),
        (SP, "rsp"),
        (SP + 8, "rsp+8"),
        (SP - 4096, "rsp-4096"),
        (0, "0x0"),
        (5, "0x5"),
        (0xAC2, "flags"),
        (0x213, "flags"),
        (SP + 4097, OTHER),
        (0x123456789ABCDEF0, OTHER),
        ((1 << 64) - 1, OTHER),
    ],
)
def test_numbers(lab: Lab, number: int, name: str) -> None:
    assert Names(lab, REGISTERS, {KNOWN: "rec->ip"})(number) == name


def test_symbols_have_no_offsets(lab: Lab) -> None:
    names = Names(lab, REGISTERS, {})
    assert names(lab.address("ftrace_caller")) == "ftrace_caller"
    assert names(lab.address("ftrace_caller") + 7) == "an address in ftrace_caller"
    assert names(lab.address("function_trace_op")) == "&function_trace_op"


def test_a_private_copy_has_the_name_of_what_it_is_a_copy_of(lab: Lab) -> None:
    lab.register(FtraceOps("probe", lambda *_: None))
    copy = lab.record("vfs_read").target
    assert lab.symbol(copy) == "ftrace_trampoline[probe]"
    assert Names(lab, REGISTERS, {})(copy) == "ftrace_caller"

# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of a write to a member; that entries honour what they declare is a story's business."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.core.ops import FtraceOps
from emulator.honours import Honoured
from emulator.lab import Lab
from emulator.recording import RecordSeen


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def record(lab: Lab) -> RecordSeen:
    ops = FtraceOps("probe", ignore, flags={"SAVE_REGS"})
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    found = lab.run("vfs_read").callbacks[0].regs
    assert found is not None
    return found


def test_yes_and_there_are_good_and_nothing_else_is() -> None:
    assert {effect for effect in Honoured if effect} == {Honoured.YES, Honoured.GOES_THERE}


POP = "        popfq                                           // flags\nLABEL ftrace_regs_caller_end"


def test_a_member_that_moves_the_stack(tampered: Callable[..., Lab]) -> None:
    """sp loaded back in front of the ret: it goes through whatever lies there."""
    lost = "        popfq\n        mov PT_sp-AREA-8(%rsp), %rsp\n        push $0x1234\nLABEL ftrace_regs_caller_end"
    assert record(tampered("x86_64", "6.12", (POP, lost))).honoured("sp") is Honoured.UNKNOWN


def test_a_register_that_gets_what_another_member_holds(tampered: Callable[..., Lab]) -> None:
    found = record(tampered("x86_64", "6.12", ("PT_r12(%rsp), %r12", "PT_bx(%rsp), %r12")))
    assert found.honoured("bx") is Honoured.ASTRAY
    assert found.honoured("r12") is Honoured.NO


def test_a_value_that_cannot_be_lived_with(tampered: Callable[..., Lab]) -> None:
    """The trampoline takes another ss than it stored for a reason to stop."""
    restore = "        mov     PT_r15(%rsp), %r15 "
    check = "        cmpq $__KERNEL_DS, PT_ss(%rsp); je 8f; ud2; 8: mov PT_r15(%rsp), %r15 "
    found = record(tampered("x86_64", "6.12", (restore, check)))
    assert found.honoured("ss") is Honoured.FAULT
    assert found.honoured("r15") is Honoured.YES


def test_a_run_that_never_lands(tampered: Callable[..., Lab]) -> None:
    found = record(tampered("x86_64", "6.12", (POP, "1: jmp 1b\n        popfq\nLABEL ftrace_regs_caller_end")))
    assert {found.honoured(seen.member.name) for seen in found} == {Honoured.UNKNOWN}


def test_an_unknown_member() -> None:
    with pytest.raises(KeyError):
        record(Lab("x86_64")).honoured("rax")

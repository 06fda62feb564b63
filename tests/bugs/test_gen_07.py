# SPDX-License-Identifier: GPL-2.0-only
"""GEN-07 (open in 2024): entries that have no record to pass left in its argument's register what was there."""

from __future__ import annotations

import pytest


@pytest.mark.caught("C4", "x86_64", "3.7 3.7-ops-no-regs")
def test_regs_is_not_set_to_null(bug):
    bug.edit(("        mov     $0, %ecx                                // regs = NULL\n", ""))
    bug.must_be_caught()


@pytest.mark.caught("C4", "x86_64", "6.12 6.12-fp")
def test_fregs_is_not_set(bug):
    bug.edit(("        mov     %rsp, %rcx                              // fregs\n", ""))
    bug.must_be_caught()


@pytest.mark.caught("C4", "i386", "3.7 6.12 6.12-fp")
def test_regs_on_i386_is_what_is_left_on_the_stack(bug):
    """The fourth argument is a word of the stack: there is room for it, and nobody writes it."""
    bug.edit(("        push    $0                                      // regs = NULL\n", "        sub     $4, %esp\n"))
    bug.must_be_caught()


@pytest.mark.caught("C4", "arm", "6.1 6.12")
def test_regs_on_arm_is_not_set_to_null(bug):
    bug.edit(("        mov     r3, #0                          // regs = NULL\n", ""))
    bug.must_be_caught()

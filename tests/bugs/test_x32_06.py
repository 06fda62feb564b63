# SPDX-License-Identifier: GPL-2.0-only
"""X32-06 (5.3): regs->sp was the address of a slot in the frame, because no slot held the stack pointer.

An int3 handler could then not push the return address of an emulated call; x86_64 has the slot, and X64-16 the call.
"""

from __future__ import annotations

import pytest


@pytest.mark.caught("C5", "x86_64", "3.7 3.7-mcount")
def test_sp_is_one_word_off(bug):
    bug.edit(("lea     PT_SIZE+8(%rsp), %rcx ", "lea     PT_SIZE(%rsp), %rcx "))
    bug.must_be_caught()


@pytest.mark.caught("C5", "x86_64", "6.12 6.12-fp")
def test_sp_of_6_12_is_one_word_off(bug):
    store = "        mov     %rdx, PT_sp(%rsp) "
    bug.edit((store, "        sub $8, %rdx; mov %rdx, PT_sp(%rsp); add $8, %rdx // "))
    bug.must_be_caught()

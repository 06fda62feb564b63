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


@pytest.mark.caught("C5", "i386", "6.12 6.12-fp")
def test_sp_of_i386_points_to_its_own_slot(bug):
    bug.edit(("        addl    $5*4, (%esp) ", "        addl    $0*4, (%esp) "))
    bug.must_be_caught()


@pytest.mark.caught("W1", "i386", "6.12")
def test_there_is_no_room_to_push_in(bug):
    """Without the gap the emulated push lies over members that are still to be loaded."""
    bug.edit(
        (".set    GAP, 3*4", ".set    GAP, 0"),
        ("        sub     $GAP, %esp\n", ""),
        ("        addl    $5*4, (%esp) ", "        addl    $2*4, (%esp) "),
        ("        mov     %ecx, -4(%eax) ", "        mov     %ecx, -8(%eax) "),
        ("        mov     %ecx, -8(%eax)                          // and", "        mov     %ecx, -12(%eax) // and"),
        ("        lea     -8(%eax), %esp", "        lea     -12(%eax), %esp"),
    )
    bug.must_be_caught()

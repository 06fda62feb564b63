# SPDX-License-Identifier: GPL-2.0-only
"""GEN-04 (6.4): the handler of returns called functions that were traced, before it had guarded itself."""

from __future__ import annotations

import pytest


@pytest.mark.caught("N2", "x86_64", "6.12")
def test_return_to_handler_calls_a_traced_function(bug):
    call = "        call    ftrace_return_to_handler\n"
    bug.edit((call, "        call    vfs_write\n        mov     %rsp, %rdi\n" + call))
    bug.must_be_caught()


@pytest.mark.caught("N2", "i386", "6.1 6.12")
def test_return_to_handler_on_i386_calls_a_traced_function(bug):
    call = "        call    ftrace_return_to_handler\n"
    bug.edit((call, "        push    %eax\n        call    vfs_write\n        pop     %eax\n" + call))
    bug.must_be_caught()


@pytest.mark.caught("N2", "arm", "6.1 6.12")
def test_return_to_handler_on_arm_calls_a_traced_function(bug):
    call = "        bl      ftrace_return_to_handler\n"
    bug.edit((call, "        bl      vfs_write\n        add     r0, sp, #RETURN_SIZE\n" + call))
    bug.must_be_caught()

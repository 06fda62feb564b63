# SPDX-License-Identifier: GPL-2.0-only
"""X32-03 (2.6.33): the same copied return address, made by other compiler settings in a few functions only."""

from __future__ import annotations

import pytest

ONE = "        LEAF    vfs_read, turn=7\n"
REALIGNED = """        .balign 16
        .globl  vfs_read
        .type   vfs_read, @function
vfs_read:
        push    %rbx
        lea     16(%rsp), %rbx
        pushq   -8(%rbx)
        push    %rbp
        mov     %rsp, %rbp
        SITE    mcount
        mov     %rdi, %rax
        leave
        add     $8, %rsp
        pop     %rbx
        ret
        .size   vfs_read, . - vfs_read
"""


@pytest.mark.caught("G2", "x86_64", "3.6 3.6-static 3.7-mcount")
def test_one_function_returns_past_the_hook(bug):
    bug.edit((ONE, REALIGNED), file="kernel.S")
    bug.must_be_caught()


@pytest.mark.caught("G2", "i386", "3.6 3.6-static 3.7")
def test_one_function_of_i386_returns_past_the_hook(bug):
    narrow = REALIGNED.replace("%rdi", "%edx").replace("%r", "%e").replace("pushq", "pushl")
    narrow = narrow.replace("16(%esp)", "8(%esp)").replace("-8(%ebx)", "-4(%ebx)").replace("add     $8", "add     $4")
    bug.edit((ONE, narrow), file="kernel.S")
    bug.must_be_caught()

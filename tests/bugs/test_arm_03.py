# SPDX-License-Identifier: GPL-2.0-only
"""ARM-03 (2.6.29): a function without a frame was traced, and its caller's frame was taken for its own."""

from __future__ import annotations

import pytest

ONE = "        LEAF    vfs_read, turn=7\n"
NAKED = """        .globl  vfs_read
        .type   vfs_read, %function
vfs_read:
        push    {r4, r5, r6, lr}
        sub     sp, sp, #8
        SITE
        add     sp, sp, #8
        pop     {r4, r5, r6, pc}
        .size   vfs_read, . - vfs_read
"""


@pytest.mark.caught("G2", "arm", "3.6 3.6-static 3.7 3.7-static")
def test_the_callers_return_is_taken(bug):
    bug.edit((ONE, NAKED), file="kernel.S")
    bug.must_be_caught()

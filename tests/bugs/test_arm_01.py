# SPDX-License-Identifier: GPL-2.0-only
"""ARM-01 (2.6.29): mcount came back with its own return address in lr, where the function's should be again."""

from __future__ import annotations

import pytest


@pytest.mark.caught("T3", "arm", "3.6 3.7")
def test_lr_is_left_out_of_the_pop(bug):
    bug.edit(("        pop     {r0-r3, ip, lr} ", "        pop     {r0-r3, ip}\n        add     sp, sp, #4 // "))
    bug.must_be_caught()


@pytest.mark.caught("T3", "arm", "6.1 6.1-static")
def test_lr_is_not_loaded(bug):
    pop = "        pop     {r0-r3}\n"
    load = "        ldr     lr, [sp, #FRAME_parent - FRAME_lr]\n"
    bug.edit((pop + load, pop))
    bug.must_be_caught()

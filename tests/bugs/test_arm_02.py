# SPDX-License-Identifier: GPL-2.0-only
"""ARM-02 (2.6.31): the value for lr was kept in r1 while the tracer was called, which may use r1 as it likes."""

from __future__ import annotations

import pytest


@pytest.mark.caught("T3", "arm", "3.6 3.7")
def test_lr_comes_from_a_register_that_a_call_may_change(bug):
    call = "        bl      ftrace_stub                     // func(ip, parent_ip)\n"
    bug.edit((call, call + "        str     r1, [sp, #FRAME_parent]\n"))
    bug.must_be_caught()

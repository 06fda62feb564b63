# SPDX-License-Identifier: GPL-2.0-only
"""X64-09 (4.7): the assembler made the jump at ftrace_graph_call two bytes short, and the kernel wrote five.

What followed it, ftrace_stub, was overwritten when the graph tracer came or went. A weak stub keeps the jump long.
"""

from __future__ import annotations

import pytest

from emulator.patcher import Patcher

WEAK = (
    "        .weak   ftrace_stub                             // so that the assembler does not shorten the jump to it\n"
)


@pytest.mark.caught("P1", "x86_64", "3.6 3.7 3.7-mcount 3.7-ops-no-regs 3.7-stop-no-ops")
@pytest.mark.caught("P1", "i386", "3.6 3.7 6.12")
def test_the_jump_is_short(bug):
    bug.edit((WEAK, ""))
    bug.must_be_caught()


@pytest.mark.caught("P1", "x86_64", "3.6 3.7")
@pytest.mark.caught("P1", "i386", "3.6 6.12")
def test_the_jump_is_short_and_nobody_looks_before_writing(bug):
    bug.edit((WEAK, ""))
    bug.patch(Patcher, "_expect", lambda _self, _ip, _old: None)
    bug.must_be_caught()

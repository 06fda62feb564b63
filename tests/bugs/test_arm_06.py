# SPDX-License-Identifier: GPL-2.0-only
"""ARM-06 (5.18): the way out used ip for itself, where that way promises to give ip back."""

from __future__ import annotations

import pytest


@pytest.mark.caught("T1", "arm", "6.1 6.12")
def test_ip_is_spent_on_the_way_out(bug):
    pop = "        pop     {r0-fp, ip}                     // r0 .. ip = regs->uregs[0 .. 12]\n"
    bug.edit((pop, pop + "        mov     ip, sp\n"))
    bug.must_be_caught()

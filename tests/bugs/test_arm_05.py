# SPDX-License-Identifier: GPL-2.0-only
"""ARM-05 (5.18): the address of a label and that of the C function of its name differed in the Thumb bit.

So the comparison with the stub never found them equal. There is no Thumb code here; the comparison is in static mcount.
"""

from __future__ import annotations

import pytest


@pytest.mark.caught("G1", "arm", "3.6-static 3.7-static")
def test_the_stub_is_compared_with_bit_0_set(bug):
    bug.edit(("        ldr     r0, =ftrace_stub\n", "        ldr     r0, =ftrace_stub + 1\n"))
    bug.must_be_caught()

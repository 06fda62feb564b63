# SPDX-License-Identifier: GPL-2.0-only
"""X64-16 (5.2): whoever ran onto the breakpoint of a changing site went on behind it, and nobody was called.

Between two trampolines there is no moment at which the function is not traced; a livepatched one ran its old body.
"""

from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.mark.caught("P4", "x86_64", "6.12")
@pytest.mark.caught("P4", "i386", "6.12")
def test_the_breakpoint_handler_skips_the_call(bug):
    bug.declare(poke=replace(bug.variant.poke, emulates=False))
    bug.must_be_caught()

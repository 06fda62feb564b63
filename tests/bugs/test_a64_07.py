# SPDX-License-Identifier: GPL-2.0-only
"""A64-07 (5.8): for one of the entries nothing stood in where it was out of reach: the name of an option was misspelt.

There it was ftrace_regs_caller, for a module's site. Recreated with a direct trampoline out of reach.
"""

from __future__ import annotations

import pytest

from emulator.patcher import Patcher


@pytest.mark.caught("P1", "arm64", "6.12 6.12-bti")
def test_nothing_stands_in(bug):
    bug.patch(Patcher, "callable", lambda _self, _ip, target: target)
    bug.must_be_caught()

# SPDX-License-Identifier: GPL-2.0-only
"""A64-02 (5.19): enabling went by way of a stand-in for what is out of reach, and disabling did not look for it.

There a module's PLT stood in for ftrace_caller. Recreated with what stands in for a direct trampoline out of reach.
"""

from __future__ import annotations

import pytest

from emulator.patcher import Patcher
from emulator.poke import Kind


@pytest.mark.caught("P1", "arm64", "6.12 6.12-bti")
def test_a_site_that_calls_a_stand_in_cannot_be_changed_again(bug):
    def modify(self, ip, old, target):
        self._replace(Kind.SITE, ip, self._call(ip, old), self._site_call(ip, target))

    bug.patch(Patcher, "modify_call", modify)
    bug.must_be_caught()

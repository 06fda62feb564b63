# SPDX-License-Identifier: GPL-2.0-only
"""A64-04 (6.17): what stood in for a trampoline out of reach was out of reach itself, from a module's init code.

Recreated with what stands in for a direct trampoline.
"""

from __future__ import annotations

import pytest

from emulator.patcher import Patcher


@pytest.mark.caught("P1", "arm64", "6.12 6.12-bti")
def test_the_stand_in_is_out_of_reach(bug):
    reaches = Patcher._reaches
    bug.patch(Patcher, "callable", lambda self, ip, to: to if reaches(self, ip, to) else self.image.modules.base)
    bug.must_be_caught()

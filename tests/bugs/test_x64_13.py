# SPDX-License-Identifier: GPL-2.0-only
"""X64-13 (2.6.30): the return address that was kept was that of the hook itself.

Old address and hook could get the same register where the two were exchanged, and every return went round in a circle.
"""

from __future__ import annotations

import pytest

from emulator.core.returns import RETURN_TO_HANDLER, Returns


@pytest.mark.caught("G2", "x86_64", "3.6 3.7-static 6.1 6.12")
@pytest.mark.caught("G2", "i386", "3.6 3.7-static 6.1 6.12")
@pytest.mark.caught("G2", "arm", "3.6 6.12")
def test_the_hook_is_kept_as_the_return_address(bug):
    push = Returns._push

    def push_the_hook(self, entry):
        entry.ret = self._core.platform.address(RETURN_TO_HANDLER)
        return push(self, entry)

    bug.patch(Returns, "_push", push_the_hook)
    bug.must_be_caught()

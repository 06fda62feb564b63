# SPDX-License-Identifier: GPL-2.0-only
"""X64-08 (5.19): private copies ended in a bare return where all returns had to go through a thunk.

The longer ending wants room of its own before the pointer to the ops, or one lies over the other.
"""

from __future__ import annotations

import pytest

from emulator.copies import Original


@pytest.mark.caught("P2", "x86_64", "6.1 6.12 6.12-fp")
def test_the_pointer_to_the_ops_lies_over_the_ending(bug):
    copy = Original.copy

    def too_tight(self, address, ops):
        made, slot = bytearray(copy(self, address, ops)), len(self._code) + 1
        made[slot : slot + 8] = ops.to_bytes(8, "little")
        return bytes(made)

    bug.patch(Original, "copy", too_tight)
    bug.must_be_caught()

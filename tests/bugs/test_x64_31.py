# SPDX-License-Identifier: GPL-2.0-only
"""X64-31 (3.16): the graph tracer went on taking returns after it had declared itself dead.

It had counted on the architectures' stop flag, which was about to go.
"""

from __future__ import annotations

import pytest

from emulator.core.returns import Returns


@pytest.mark.caught("G2", "x86_64", "6.1 6.12")
@pytest.mark.caught("G2", "i386", "6.1 6.12")
@pytest.mark.caught("G2", "arm", "6.1 6.12")
def test_nobody_asks_whether_it_is_dead(bug):
    prepare = Returns.prepare_ftrace_return

    def revived(self, parent, self_addr, frame_pointer):
        self._graph.dead = False
        prepare(self, parent, self_addr, frame_pointer)

    bug.patch(Returns, "prepare_ftrace_return", revived)
    bug.must_be_caught()

# SPDX-License-Identifier: GPL-2.0-only
"""X64-33 (2.6.36): of two hooks on one return the first was told the other hook for its caller.

Recreated with a function that ends in a jump to another one: both returns are taken, through the same word.
"""

from __future__ import annotations

import pytest

from emulator.core.returns import Returns


@pytest.mark.caught("C2", "x86_64", "6.1 6.12")
def test_what_was_kept_last_is_told_though_it_is_the_hook(bug):
    def newest(self, ret, retp):
        return next((entry.ret for entry in reversed(self._graph.stack.entries) if entry.retp == retp), ret)

    bug.patch(Returns, "ftrace_graph_ret_addr", newest)
    bug.must_be_caught()

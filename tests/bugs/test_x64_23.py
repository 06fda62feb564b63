# SPDX-License-Identifier: GPL-2.0-only
"""X64-23 (6.8): what a template reads relative to rip was copied as it was, and led elsewhere from its new place."""

from __future__ import annotations

import pytest

from emulator.copies import Original

OP = "LABEL ftrace_caller_op_ptr\n"


@pytest.mark.caught("P2", "x86_64", "6.12 6.12-fp")
def test_a_variable_is_read_from_a_copy_with_the_distance_of_the_original(bug):
    copy = Original.copy

    def as_it_is(self, address, ops):
        self._fixups = ()
        return copy(self, address, ops)

    bug.edit((OP, "cmpl $0, function_trace_stop(%rip)\n" + OP))
    bug.patch(Original, "copy", as_it_is)
    bug.must_be_caught()

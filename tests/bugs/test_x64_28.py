# SPDX-License-Identifier: GPL-2.0-only
"""X64-28 (4.9): helpers on the tracer's own way were traced themselves where patching had not inlined them."""

from __future__ import annotations

import pytest


@pytest.mark.caught("N2", "x86_64", "6.12")
def test_the_entry_calls_a_traced_function(bug):
    call = "        mov     %rsp, %rcx                              // fregs\n"
    bug.edit((call, "        call    vfs_write\n" + call))
    bug.must_be_caught()

# SPDX-License-Identifier: GPL-2.0-only
"""A64-12 (posted 2019): with a shadow call stack functions return through another copy of the address than the hooked.

The graph tracer changed the frame record, and never heard of the return. Recreated with the copy in a register that the
function keeps, where a shadow call stack would be memory.
"""

from __future__ import annotations

import pytest

SAVED = "        stp     x21, x22, [sp, #FRAME_x21]\n"
LOADED = "        ldp     x21, x22, [sp, #FRAME_x21]\n        ldp     x29, x30, [sp], #FRAME_SIZE\n"


@pytest.mark.caught("G2", "arm64", "6.1-mcount 6.1-static")
def test_the_function_returns_past_the_hook(bug):
    copied = "        mov     x21, x30\n"
    back = f"        mov     x9, x21\n{LOADED}        mov     x30, x9\n"
    bug.edit((SAVED, SAVED + copied), (LOADED, back), file="kernel.S")
    bug.must_be_caught()

# SPDX-License-Identifier: GPL-2.0-only
"""X64-05 (5.18): the way back from return_to_handler was an indirect jump, which needs a landing pad at its target.

With the pads came a second fault: the last instruction of a private copy was taken from the first bytes of
ftrace_stub, and those were a landing pad now instead of a return.
"""

from __future__ import annotations

import pytest

from emulator.copies import Original

TAIL = """        call    3f                                      // not jmp *%rdi: IBT would want an endbr64 there
        int3
3:      mov     %rdi, (%rsp)
        ret                                             // to rdi
"""


@pytest.mark.caught("H1", "x86_64", "6.1-ibt")
def test_return_to_handler_jumps_to_the_parent(bug):
    bug.edit((TAIL, "jmp *%rdi\n"))
    bug.must_be_caught()


@pytest.mark.caught("H1", "x86_64", "6.12-ibt 6.12-ibt-fp")
def test_return_to_handler_of_6_12_jumps_to_the_parent(bug):
    bug.edit((TAIL, "jmp *%rdi\n"), file="ftrace-6.12.S")
    bug.must_be_caught()


@pytest.mark.caught("P2", "x86_64", "6.1-ibt 6.12-ibt")
def test_a_copy_ends_in_the_first_byte_of_a_landing_pad(bug):
    copy = Original.copy

    def with_pad(self, address, ops):
        made, end = bytearray(copy(self, address, ops)), len(self._code)
        made[end] = bug.arch.landing_pad[0]
        return bytes(made)

    bug.patch(Original, "copy", with_pad)
    bug.must_be_caught()

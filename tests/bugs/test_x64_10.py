# SPDX-License-Identifier: GPL-2.0-only
"""X64-10 (5.18): changing a direct call looked for the site at the function's first byte.

Behind a landing pad the site is four bytes on. To register and to take back a direct call looked it up, to modify one
did not, and so nobody's trampoline could be exchanged.
"""

from __future__ import annotations

import errno

import pytest

from emulator.core.direct import Direct
from emulator.errors import FtraceError


@pytest.mark.caught("W2", "x86_64", "6.1-ibt 6.1-ibt-fp")
def test_the_address_of_the_function_is_taken_for_that_of_its_site(bug):
    def called(self, call, ip):
        if ip not in self._core.direct_functions:
            raise FtraceError(errno.ENODEV, call, f"{ip:#x} has no direct call")
        return self._core.records[ip]

    bug.patch(Direct, "_called", called)
    bug.must_be_caught()

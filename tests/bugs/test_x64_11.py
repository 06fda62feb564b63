# SPDX-License-Identifier: GPL-2.0-only
"""X64-11 (5.18): direct trampolines began without a landing pad, though a call through a pointer may come to them."""

from __future__ import annotations

import pytest


@pytest.mark.caught("H1", "x86_64", "6.1-ibt 6.12-ibt")
def test_a_direct_trampoline_lacks_its_pad(bug):
    bug.edit(("        endbr64\n", "\n"), file="direct.S")
    bug.must_be_caught()

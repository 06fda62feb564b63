# SPDX-License-Identifier: GPL-2.0-only
"""X64-18 (2.6.29): sites were written while NMIs, which nothing stops, could run them half written."""

from __future__ import annotations

import pytest

from emulator import poke


@pytest.mark.caught("P3", "x86_64", "6.12")
@pytest.mark.caught("P3", "i386", "6.12")
def test_a_site_is_written_byte_by_byte(bug):
    def byte_by_byte(_poke, change):
        return (poke.Store(offset, bytes([byte])) for offset, byte in enumerate(change.new))

    bug.patch(poke, "stores", byte_by_byte)
    bug.must_be_caught()

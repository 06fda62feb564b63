# SPDX-License-Identifier: GPL-2.0-only
"""The depth of the shadow stack, worked out from its layout, in the numbers that are known."""

from __future__ import annotations

import pytest

from emulator.lab import Lab
from emulator.selftest.graph_checks import frames


@pytest.mark.parametrize(
    ("arch", "variant", "expected"),
    [("x86_64", "3.7", 50), ("x86_64", "6.1", 50), ("x86_64", "6.12", 98), ("arm", "3.7", 50), ("arm", "6.12", 142)],
)
def test_how_deep_returns_are_hooked(arch: str, variant: str, expected: int) -> None:
    assert frames(Lab(arch, variant=variant)) == expected

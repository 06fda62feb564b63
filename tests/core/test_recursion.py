# SPDX-License-Identifier: GPL-2.0-only
"""How often one guarded function may be within itself."""

from __future__ import annotations

import pytest

from emulator.core.recursion import Recursion
from emulator.core.release import RELEASES


def depth(guard: Recursion) -> int:
    """How many nested entries are let in."""
    with guard.enter() as entered:
        return 1 + depth(guard) if entered else 0


@pytest.mark.parametrize(("release", "allowed"), [("3.6", 1), ("3.7", 1), ("6.12", 2)])
def test_one_bit_in_3_x_and_a_transition_bit_later(release: str, allowed: int) -> None:
    guard = Recursion(RELEASES[release])
    assert depth(guard) == allowed
    assert depth(guard) == allowed, "it is left as it was entered"


def raise_within(guard: Recursion) -> None:
    with guard.enter() as entered:
        assert entered
        raise ZeroDivisionError


@pytest.mark.parametrize("release", RELEASES)
def test_it_is_left_however_the_body_ends(release: str) -> None:
    guard = Recursion(RELEASES[release])
    with pytest.raises(ZeroDivisionError):
        raise_within(guard)
    assert guard.depth == 0

# SPDX-License-Identifier: GPL-2.0-only
"""A field's other values stand in its bits, and nothing else changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.mutants.field import Field, Operator, run


@given(code=st.binary(min_size=4, max_size=8), bits=st.sets(st.integers(0, 31), min_size=1), step=st.integers(1, 300))
def test_a_step_changes_only_its_bits_and_can_be_taken_back(code: bytes, bits: set[int], step: int) -> None:
    places = tuple(sorted(bits))
    ((forth, added),) = Field(Operator.IMMEDIATE, places, steps=(step,)).changed(code)
    ((back, _),) = Field(Operator.IMMEDIATE, places, steps=(-step,)).changed(forth)
    different = int.from_bytes(code, "little") ^ int.from_bytes(forth, "little")
    assert (back, added) == (code, step)
    assert not different & ~sum(1 << bit for bit in places)


def test_bits_need_not_be_neighbours() -> None:
    field = Field(Operator.REGISTER, (0, 1, 2, 12), flips=(8, 1))
    assert [new for new, _ in field.changed(b"\x05\x00")] == [b"\x05\x10", b"\x04\x00"]


def test_a_value_wraps_at_its_width() -> None:
    field = Field(Operator.IMMEDIATE, run(4, 4), steps=(1,))
    assert list(field.changed(b"\xf7")) == [(b"\x07", 1)]

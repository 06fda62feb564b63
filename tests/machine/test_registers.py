# SPDX-License-Identifier: GPL-2.0-only
"""Packed registers."""

from __future__ import annotations

import pytest

from emulator.machine.registers import Layout, constant


@pytest.fixture
def layout(arch):
    return Layout(arch)


def values(layout):
    return {name: (number + 1) << 8 * (number % 8) for number, name in enumerate(layout.names)}


def test_packing_loses_nothing(layout):
    packed = layout.pack(values(layout))
    assert len(packed) == 8 * len(layout.names)
    assert layout.unpack(packed) == values(layout)
    assert {name: layout.get(packed, name) for name in layout.names} == values(layout)


def test_a_chooser_takes_what_it_was_made_for(layout):
    first, *_, last = layout.names
    choose = layout.chooser((last, first))
    known = values(layout)
    assert choose(layout.pack(known)) == (known[last], known[first])


def test_every_register_has_a_number_of_its_own_in_unicorn(arch):
    assert len({constant(arch, register) for register in arch.registers}) == len(arch.registers)

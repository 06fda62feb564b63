# SPDX-License-Identifier: GPL-2.0-only
"""The releases as data, against the tables of include/linux/ftrace.h."""

from __future__ import annotations

import pytest

from emulator.core.release import RELEASES, release
from emulator.errors import UnknownName

OPS_FLAGS = {
    "3.6": "ENABLED GLOBAL DYNAMIC CONTROL",
    "3.7": "ENABLED GLOBAL DYNAMIC CONTROL SAVE_REGS SAVE_REGS_IF_SUPPORTED RECURSION_SAFE",
    "6.12": "ENABLED DYNAMIC SAVE_REGS SAVE_REGS_IF_SUPPORTED RECURSION STUB INITIALIZED DELETED ADDING REMOVING "
    "MODIFYING ALLOC_TRAMP IPMODIFY PID RCU TRACE_ARRAY PERMANENT DIRECT SUBOP",
}
RECORD_BITS = {
    "3.6": {"count": range(30), "ENABLED": 30},
    "3.7": {"count": range(29), "ENABLED": 29, "REGS": 30, "REGS_EN": 31},
    "6.12": {"count": range(19), "ENABLED": 31, "REGS": 30, "REGS_EN": 29, "TRAMP": 28, "TRAMP_EN": 27},
}


@pytest.mark.parametrize("name", OPS_FLAGS)
def test_each_flag_of_an_ops_is_the_next_bit(name: str) -> None:
    flags = RELEASES[name].flags
    assert [flags[flag] for flag in OPS_FLAGS[name].split()] == [1 << bit for bit in range(len(flags))]


@pytest.mark.parametrize("name", RECORD_BITS)
def test_the_bits_of_a_record(name: str) -> None:
    table, bits = RECORD_BITS[name], RELEASES[name].bits
    assert isinstance(table["count"], range)
    assert bits.count == sum(1 << bit for bit in table["count"])
    for flag in ("ENABLED", "REGS", "REGS_EN", "TRAMP", "TRAMP_EN"):
        bit = table.get(flag)
        assert getattr(bits, flag) == (1 << bit if isinstance(bit, int) else 0), flag


def test_a_release_that_is_not_modelled_is_named_with_those_that_are() -> None:
    assert release("3.7").version == "3.7.2"
    with pytest.raises(UnknownName, match=r"release '3\.8'.*3\.6, 3\.7, 6\.12"):
        release("3.8")

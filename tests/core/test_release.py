# SPDX-License-Identifier: GPL-2.0-only
"""The releases as data, against the tables of include/linux/ftrace.h."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.core.releases import RELEASES, release
from emulator.errors import UnknownName

OPS_FLAGS = {
    "3.6": "ENABLED GLOBAL DYNAMIC CONTROL",
    "3.7": "ENABLED GLOBAL DYNAMIC CONTROL SAVE_REGS SAVE_REGS_IF_SUPPORTED RECURSION_SAFE",
    "6.1": "ENABLED DYNAMIC SAVE_REGS SAVE_REGS_IF_SUPPORTED RECURSION STUB INITIALIZED DELETED ADDING REMOVING "
    "MODIFYING ALLOC_TRAMP IPMODIFY PID RCU TRACE_ARRAY PERMANENT DIRECT",
    "6.12": "ENABLED DYNAMIC SAVE_REGS SAVE_REGS_IF_SUPPORTED RECURSION STUB INITIALIZED DELETED ADDING REMOVING "
    "MODIFYING ALLOC_TRAMP IPMODIFY PID RCU TRACE_ARRAY PERMANENT DIRECT SUBOP",
}
LATER_BITS = {
    "ENABLED": 31,
    "REGS": 30,
    "REGS_EN": 29,
    "TRAMP": 28,
    "TRAMP_EN": 27,
    "IPMODIFY": 26,
    "DISABLED": 25,
    "DIRECT": 24,
    "DIRECT_EN": 23,
}
RECORD_BITS: dict[str, dict[str, Any]] = {
    "3.6": {"count": range(30), "ENABLED": 30},
    "3.7": {"count": range(29), "ENABLED": 29, "REGS": 30, "REGS_EN": 31},
    "6.1": {"count": range(23), **LATER_BITS},
    "6.12": {"count": range(19), "TOUCHED": 20, "MODIFIED": 19, **LATER_BITS},
}


@pytest.mark.parametrize("name", OPS_FLAGS)
def test_each_flag_of_an_ops_is_the_next_bit(name: str) -> None:
    flags = RELEASES[name].flags
    assert [flags[flag] for flag in OPS_FLAGS[name].split()] == [1 << bit for bit in range(len(flags))]


@pytest.mark.parametrize("name", RECORD_BITS)
def test_the_bits_of_a_record(name: str) -> None:
    table, bits = RECORD_BITS[name], RELEASES[name].bits
    assert bits.count == sum(1 << bit for bit in table["count"])
    for flag in ("TOUCHED", "MODIFIED", *LATER_BITS):
        assert getattr(bits, flag) == (1 << table[flag] if flag in table else 0), flag


def test_a_release_that_is_not_modelled_is_named_with_those_that_are() -> None:
    assert release("3.7").version == "3.7.2"
    with pytest.raises(UnknownName, match=r"release '3\.8'.*3\.6, 3\.7, 6\.1, 6\.12"):
        release("3.8")

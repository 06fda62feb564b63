# SPDX-License-Identifier: GPL-2.0-only
"""An ops by itself: its flags, and which of them a release takes."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.core.ops import KERNELS, FtraceOps, KernelOps, check_filters, check_flags
from emulator.core.releases import RELEASES
from emulator.errors import UnknownName, UsageError


def ignore(*_: object) -> None:
    """Any callback."""


def test_flags_come_with_or_without_their_prefix() -> None:
    ops = FtraceOps("probe", ignore, flags=["FTRACE_OPS_FL_SAVE_REGS", "DYNAMIC"])
    assert ops.flags == {"SAVE_REGS", "DYNAMIC"}
    assert ops.spec == "probe:DYNAMIC:SAVE_REGS"
    ops.flags |= {"FTRACE_OPS_FL_SAVE_REGS_IF_SUPPORTED"}
    assert ops.has("SAVE_REGS_IF_SUPPORTED")


@pytest.mark.parametrize(
    ("func", "options", "message"),
    [
        (7, {}, "func is 7, which cannot be called"),
        (ignore, {"ops_func": 7}, "ops_func is 7, which cannot be called"),
        (ignore, {"flags": "SAVE_REGS"}, "flags is the string 'SAVE_REGS'"),
        (ignore, {"home": "modul"}, "did you mean 'module'"),
    ],
)
def test_what_no_ops_can_be(func: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FtraceOps("probe", func, **options)


def test_an_unknown_home_suggests_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="core, module"):
        FtraceOps("probe", ignore, home="x")


LATER = set(
    "DYNAMIC SAVE_REGS SAVE_REGS_IF_SUPPORTED RECURSION STUB IPMODIFY PID RCU PERMANENT DIRECT".split(),
)
TAKEN = {
    "3.6": {"GLOBAL", "CONTROL", "DYNAMIC"},
    "3.7": {"GLOBAL", "CONTROL", "DYNAMIC", "SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", "RECURSION_SAFE"},
    "6.1": LATER,
    "6.12": LATER,
}
EVERY = sorted(set().union(*(release.flags for release in RELEASES.values())) | {"SAVE_REG"})


@pytest.mark.parametrize("flag", EVERY)
@pytest.mark.parametrize("release", RELEASES)
def test_each_release_takes_its_own_flags_and_names_the_others(release: str, flag: str) -> None:
    ops = FtraceOps("probe", ignore, flags={flag})
    if flag in TAKEN[release]:
        check_flags(ops, RELEASES[release])
        assert ops.word(RELEASES[release]) == RELEASES[release].flags[flag]
        return
    with pytest.raises(UsageError, match=f"'probe'.*FTRACE_OPS_FL_{flag}") as refused:
        check_flags(ops, RELEASES[release])
    text = str(refused.value)
    if flag not in RELEASES[release].flags:
        assert text == f"ops 'probe': release {release} has no FTRACE_OPS_FL_{flag}"
    else:
        assert flag in KERNELS
        assert "by the kernel itself" in text


def test_an_ops_of_the_kernels_own_has_a_c_function_and_no_callback() -> None:
    ops = KernelOps("graph_ops", "ftrace_graph_func", "PID")
    assert (ops.symbol, ops.home) == ("ftrace_graph_func", "core")
    assert ops.flags == {"PID"}
    assert ops.func is None


def test_an_ops_in_another_kernel_is_as_new() -> None:
    here, there = object(), object()
    ops = FtraceOps("probe", ignore)
    ops.enter(here)
    ops.filter_hash.add(1)
    ops.kernel_flags |= {"INITIALIZED"}
    ops.trampoline = 7
    ops.enter(here)
    assert (ops.filter_hash, ops.kernel_flags, ops.trampoline) == ({1}, {"INITIALIZED"}, 7)
    check_filters(ops, here)
    with pytest.raises(UsageError, match="filter was set in another kernel"):
        check_filters(ops, there)
    ops.enter(there)
    assert (ops.filter_hash, ops.kernel_flags, ops.trampoline) == (set(), set(), 0)
    check_filters(ops, there)


def test_an_ops_does_not_leave_a_kernel_that_has_it_registered() -> None:
    ops = FtraceOps("probe", ignore)
    ops.enter(object())
    ops.kernel_flags |= {"ENABLED"}
    with pytest.raises(UsageError, match="registered in another kernel"):
        ops.enter(object())


@pytest.mark.parametrize(
    ("filter_hash", "notrace_hash", "wanted"),
    [
        (set(), set(), {1, 2, 3}),
        ({1}, set(), {1}),
        (set(), {1}, {2, 3}),
        ({1, 2}, {2}, {1}),
        ({1}, {1}, set()),
        ({9}, set(), set()),
    ],
)
def test_hash_contains_ip(filter_hash: set[int], notrace_hash: set[int], wanted: set[int]) -> None:
    ops = FtraceOps("probe", ignore)
    ops.filter_hash.update(filter_hash)
    ops.notrace_hash.update(notrace_hash)
    assert {ip for ip in (1, 2, 3) if ops.wants(ip)} == wanted

# SPDX-License-Identifier: GPL-2.0-only
"""What a site shall call and what it calls now: direct > private copy > ftrace_regs_caller > ftrace_caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.core.addresses import addr_curr, addr_new, ftrace_addr, tramp_ops_curr, tramp_ops_new
from emulator.core.hashes import OpsHash

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]


def new(kernel: Kernel, wanted: str) -> str:
    """Where a site with these flags shall go."""
    rec, bits = kernel.record("vfs_read"), kernel.release.bits
    rec.flags = 1 + sum(int(getattr(bits, name)) for name in wanted.split())
    return kernel.plain.name(addr_new(kernel.core, rec))


@pytest.mark.parametrize(
    ("config", "wanted", "target"),
    [
        ("6.12", "", "ftrace_caller"),
        ("6.12", "REGS", "ftrace_regs_caller"),
        ("6.12", "REGS TRAMP", "copy of probe"),
        ("6.12", "TRAMP", "copy of probe"),
        ("6.12", "REGS TRAMP DIRECT", "0xd100"),
        ("6.12-shared", "REGS", "ftrace_regs_caller"),
        ("6.12-list", "REGS", "ftrace_caller"),
        ("3.7", "REGS", "ftrace_regs_caller"),
        ("3.7-no-regs", "REGS", "ftrace_caller"),
        ("3.6", "", "ftrace_caller"),
    ],
)
def test_which_of_them_comes_first(boot: Boot, config: str, wanted: str, target: str) -> None:
    kernel = boot(config)
    kernel.register("probe", on=["vfs_read"])
    kernel.core.direct_functions[kernel.ip["vfs_read"]] = 0xD100
    assert new(kernel, wanted) == target


def test_a_direct_call_without_an_address_is_none(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.register("probe", on=["vfs_read"])
    assert new(kernel, "REGS TRAMP DIRECT") == "copy of probe"


def test_a_direct_call_is_only_for_somebody_alone(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.core.direct_functions[kernel.ip["vfs_read"]] = 0xD100
    rec, bits = kernel.record("vfs_read"), kernel.release.bits
    rec.flags = 2 | bits.REGS | bits.DIRECT
    assert kernel.plain.name(addr_new(kernel.core, rec)) == "ftrace_regs_caller"


def test_now_is_told_by_other_flags_than_shall_be(boot: Boot) -> None:
    kernel = boot("6.12-shared")
    rec, bits = kernel.record("vfs_read"), kernel.release.bits
    rec.flags = 1 | bits.REGS | bits.ENABLED
    assert addr_curr(kernel.core, rec) == ftrace_addr(kernel.core, regs=False)
    assert addr_new(kernel.core, rec) == ftrace_addr(kernel.core, regs=True)
    rec.flags = 1 | bits.REGS_EN | bits.ENABLED
    assert addr_curr(kernel.core, rec) == ftrace_addr(kernel.core, regs=True)
    assert addr_new(kernel.core, rec) == ftrace_addr(kernel.core, regs=False)


# -- whose copy it is --------------------------------------------------------------------------------------------------


def test_new_is_the_first_on_the_list_that_wants_the_site(boot: Boot) -> None:
    kernel = boot("6.12")
    old = kernel.register("old", on=["vfs_read"])
    kernel.register("elsewhere", on=["do_exit"])
    assert tramp_ops_new(kernel.core, kernel.record("vfs_read")) is old
    assert tramp_ops_new(kernel.core, kernel.record("vfs_write")) is None


def test_current_is_the_one_that_is_being_removed(boot: Boot) -> None:
    kernel = boot("6.12")
    stays, goes = kernel.register("stays", on=["vfs_read"]), kernel.register("goes", on=["vfs_read"])
    kernel.core.ops.remove(goes)
    kernel.core.removed_ops, goes.old_hash = goes, goes.func_hash.copy()
    assert tramp_ops_curr(kernel.core, kernel.record("vfs_read")) is goes
    goes.old_hash = OpsHash({kernel.ip["do_exit"]})
    assert tramp_ops_curr(kernel.core, kernel.record("vfs_read")) is stays


def test_current_is_not_one_that_is_only_coming(boot: Boot) -> None:
    kernel = boot("6.12")
    there, coming = kernel.register("there", on=["vfs_read"]), kernel.register("coming", on=["vfs_read"])
    assert tramp_ops_curr(kernel.core, kernel.record("vfs_read")) is coming
    coming.kernel_flags.add("ADDING")
    assert tramp_ops_curr(kernel.core, kernel.record("vfs_read")) is there


def test_current_of_one_whose_filter_changes_is_told_by_the_old_one(boot: Boot) -> None:
    kernel = boot("6.12")
    ops = kernel.register("probe", on=["vfs_read"])
    ops.kernel_flags.add("MODIFYING")
    ops.old_hash = OpsHash({kernel.ip["do_exit"]})
    assert tramp_ops_curr(kernel.core, kernel.record("do_exit")) is ops
    assert tramp_ops_curr(kernel.core, kernel.record("vfs_read")) is None


def test_current_has_to_have_a_trampoline(boot: Boot) -> None:
    kernel = boot("6.12-shared")
    kernel.register("probe", on=["vfs_read"])
    assert tramp_ops_curr(kernel.core, kernel.record("vfs_read")) is None


@pytest.mark.parametrize("find", [addr_new, addr_curr])
def test_a_copy_that_nobody_has_ends_ftrace(boot: Boot, find: Callable[..., int]) -> None:
    """The accounting is wrong: FTRACE_WARN_ON(), and the plain trampoline."""
    kernel = boot("6.12")
    rec, bits = kernel.record("vfs_read"), kernel.release.bits
    rec.flags = 1 | bits.TRAMP | bits.TRAMP_EN
    assert find(kernel.core, rec) == ftrace_addr(kernel.core, regs=False)
    assert kernel.core.disabled
    assert "vfs_read" in str(kernel.core.bug)


# -- a filter that changes under somebody else's copy ------------------------------------------------------------------


def test_two_ops_change_places(boot: Boot) -> None:
    """Each step is verified against what the site calls, so a wrong idea of that would end ftrace."""
    kernel = boot("6.12")
    first, second = kernel.register("first", on=["vfs_read"]), kernel.register("second", on=["do_exit"])
    kernel.core.set_filter(first, "do_exit", reset=True)
    assert (kernel.target("vfs_read"), kernel.target("do_exit")) == ("nop", "ftrace_caller")
    kernel.core.set_filter(second, "vfs_read", reset=True)
    assert (kernel.target("vfs_read"), kernel.target("do_exit")) == ("copy of second", "copy of first")
    kernel.core.unregister(first)
    assert (kernel.target("vfs_read"), kernel.target("do_exit")) == ("copy of second", "nop")

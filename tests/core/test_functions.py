# SPDX-License-Identifier: GPL-2.0-only
"""The list function, the assist function, ftrace_ops_test(), and the gates that stand before an ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.core import functions

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

# -- the functions that call ops ---------------------------------------------------------------------------------------


class Regs:
    """A record that may be read as a full pt_regs, or one that may not."""

    def __init__(self, regs: object | None) -> None:
        self._regs = regs

    def get_regs(self) -> object | None:
        return self._regs

    def get_stack_pointer(self) -> int:
        return 0

    def set_direct_caller(self, address: int) -> None:
        raise AssertionError(f"nobody calls {address:#x} directly")


def test_the_list_function_goes_newest_first_and_asks_the_hashes(kernel: Kernel) -> None:
    for name, function in (("a", "vfs_read"), ("b", "vfs_write"), ("c", "vfs_read")):
        kernel.register(name, on=[function])
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, None, None)
    assert [seen.ops for seen in kernel.seen] == ["c", "a"]


def test_ip_is_an_exact_key(kernel: Kernel) -> None:
    kernel.register("filtered", on=["vfs_read"])
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"] + 1, 0, None, None)
    assert kernel.seen == []
    kernel.register("everything")
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"] + 1, 0, None, None)
    assert [seen.ops for seen in kernel.seen] == ["everything"]


TESTED = [
    # regs NULL and SAVE_REGS: since 3.19 the hashes are not even asked
    ("3.7", None, True),
    ("6.12", None, False),
    ("6.12", Regs(None), False),
    ("6.12", Regs("regs"), True),
]


@pytest.mark.parametrize(("config", "record", "called"), TESTED)
def test_an_ops_that_wants_regs_and_none_are_there(boot: Boot, config: str, record: Regs | None, called: bool) -> None:
    kernel = boot(config)
    kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"])
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, None, record)
    assert [seen.ops for seen in kernel.seen] == ["kprobe"] * called


def test_where_regs_are_not_supported_nobody_waits_for_them(boot: Boot) -> None:
    kernel = boot("6.12-list")
    kernel.register("kprobe", "SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", on=["vfs_read"])
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("kprobe", False)]


@pytest.mark.parametrize("config", ["3.6", "3.6-helper", "3.7", "3.7-no-regs", "3.7-list"])
def test_stopped_nobody_is_called_whoever_has_to_test_it(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("probe", on=["vfs_read"])
    kernel.register("other", on=["vfs_read"])
    kernel.core.stop()
    kernel.core.stop()
    assert kernel.call("vfs_read") == []
    kernel.core.start()
    assert len(kernel.call("vfs_read")) == 2


@pytest.mark.parametrize(("config", "called"), [("3.6", 1), ("3.7", 0), ("3.7-list", 0)])
def test_the_list_function_tests_stop_in_3_7_only(boot: Boot, config: str, called: int) -> None:
    kernel = boot(config)
    kernel.register("probe", on=["vfs_read"])
    kernel.core.stop()
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, None, None)
    assert len(kernel.seen) == called


def test_the_assist_function_asks_no_hash(boot: Boot) -> None:
    kernel = boot("6.12")
    probe = kernel.register("probe", "RECURSION", on=["vfs_write"])
    functions.ops_assist_func(kernel.core, kernel.ip["vfs_read"], 0, probe, None)
    assert [seen.ops for seen in kernel.seen] == ["probe"]


# -- recursion, as trace_selftest_function_recursion tries it ----------------------------------------------------------

GUARDED = [
    ("3.6", ["", ""], 1),
    ("3.7", [""], 1),
    ("3.7-list", ["RECURSION_SAFE"], 1),
    ("6.12", ["RECURSION"], 2),
    ("6.12-shared", ["RECURSION"], 2),
    ("6.12-list", [""], 2),
    ("6.12", ["", ""], 2),
]


@pytest.mark.parametrize(("config", "registered", "entries"), GUARDED)
def test_a_callback_that_calls_its_own_function_is_cut_short(
    boot: Boot, config: str, registered: list[str], entries: int
) -> None:
    kernel = boot(config)
    for index, flags in enumerate(registered):
        func = None if index else lambda *_: kernel.call("vfs_read")
        kernel.register(f"ops{index}", *flags.split(), on=["vfs_read"], func=func)
    for _ in range(2):
        assert [seen.ops for seen in kernel.call("vfs_read")].count("ops0") == entries


def test_an_unguarded_ops_recurses_as_far_as_it_likes(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.register("probe", on=["vfs_read"], func=lambda *_: len(kernel.seen) < 10 and kernel.call("vfs_read"))
    assert len(kernel.call("vfs_read")) == 10

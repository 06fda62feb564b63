# SPDX-License-Identifier: GPL-2.0-only
"""ftrace_set_filter(), ftrace_set_notrace(), ftrace_set_filter_ip(): what they keep, what they refuse, what follows."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from emulator.core.ops import FtraceOps
from emulator.errors import FtraceError, UsageError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

ALL = ["vfs_read", "vfs_write", "do_exit"]
WITH_FILTER_IP = ["3.7", "3.7-list", "6.12", "6.12-shared"]


def wanted(kernel: Kernel, ops: FtraceOps) -> list[str]:
    return [name for name, ip in kernel.ip.items() if ops.wants(ip)]


def enabled(kernel: Kernel) -> list[str]:
    return [name for name in ALL if kernel.target(name) != "nop"]


def code(call: Callable[..., object], *arguments: Any, **options: Any) -> int | None:
    """The errno of a refusal, whose text names it."""
    with pytest.raises(FtraceError) as refused:
        call(*arguments, **options)
    assert errno.errorcode[refused.value.errno or 0] in str(refused.value)
    return refused.value.errno


# -- strings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("registered", [False, True])
def test_strings_add_take_away_and_reset(kernel: Kernel, registered: bool) -> None:
    ops = kernel.ops("probe")
    if registered:
        kernel.core.register(ops)
    steps = [
        ("vfs_read", False, ["vfs_read"]),
        ("do_exit", False, ["vfs_read", "do_exit"]),
        ("vfs_*", False, ALL),
        ("!vfs_read", False, ["vfs_write", "do_exit"]),
        ("!vfs_read", False, ["vfs_write", "do_exit"]),
        ("vfs_read", True, ["vfs_read"]),
        ("!vfs_read", False, ALL),
        ("do_exit", False, ["do_exit"]),
        (None, False, ["do_exit"]),
        ("!do_exit", True, ALL),
        ("do_exit", False, ["do_exit"]),
        (None, True, ALL),
    ]
    for glob, reset, expected in steps:
        kernel.core.set_filter(ops, glob, reset=reset)
        assert wanted(kernel, ops) == expected, glob
        assert enabled(kernel) == (expected if registered else [])


def test_the_last_function_taken_away_leaves_every_function(kernel: Kernel) -> None:
    ops = kernel.register("probe", on=["vfs_read"])
    assert enabled(kernel) == ["vfs_read"]
    kernel.core.set_filter(ops, "!vfs_read")
    assert enabled(kernel) == ALL
    assert [seen.ops for name in ALL for seen in kernel.call(name)] == ["probe"] * 3


def test_notrace_takes_away_from_the_filter(kernel: Kernel) -> None:
    ops = kernel.register("probe")
    kernel.core.set_notrace(ops, "vfs_*")
    assert enabled(kernel) == ["do_exit"]
    kernel.core.set_filter(ops, "vfs_read")
    assert enabled(kernel) == []
    assert kernel.call("vfs_read") == []
    kernel.core.set_notrace(ops, "!vfs_read")
    assert enabled(kernel) == ["vfs_read"]
    kernel.core.set_notrace(ops, None, reset=True)
    assert enabled(kernel) == ["vfs_read"]


@pytest.mark.parametrize("glob", ["vfs_reed", "", "!", "!vfs_reed"])
@pytest.mark.parametrize("registered", [False, True])
def test_a_string_that_means_no_function(kernel: Kernel, glob: str, registered: bool) -> None:
    ops = kernel.ops("probe", on=["vfs_read"])
    kernel.core.set_notrace(ops, "do_exit")
    if registered:
        kernel.core.register(ops)
    before = kernel.letters("vfs_read"), list(kernel.plain.log)
    for reset in (False, True):
        assert code(kernel.core.set_filter, ops, glob, reset=reset) == errno.EINVAL
        assert code(kernel.core.set_notrace, ops, glob, reset=reset) == errno.EINVAL
    assert (ops.filter_hash, ops.notrace_hash) == ({kernel.ip["vfs_read"]}, {kernel.ip["do_exit"]})
    assert (kernel.letters("vfs_read"), kernel.plain.log) == before


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", WITH_FILTER_IP)
def test_addresses_are_added_and_removed(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops, read, write = kernel.register("probe"), kernel.ip["vfs_read"], kernel.ip["vfs_write"]
    kernel.core.set_filter_ip(ops, read)
    kernel.core.set_filter_ip(ops, read)
    assert enabled(kernel) == ["vfs_read"]
    kernel.core.set_filter_ip(ops, write)
    assert enabled(kernel) == ["vfs_read", "vfs_write"]
    kernel.core.set_filter_ip(ops, read, remove=True)
    assert enabled(kernel) == ["vfs_write"]
    kernel.core.set_filter_ip(ops, read, reset=True)
    assert enabled(kernel) == ["vfs_read"]
    kernel.core.set_filter_ip(ops, read, remove=True)
    assert enabled(kernel) == ALL


@pytest.mark.parametrize("config", WITH_FILTER_IP)
def test_addresses_that_are_refused(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops, read = kernel.register("probe", on=["vfs_read"]), kernel.ip["vfs_read"]
    assert code(kernel.core.set_filter_ip, ops, read + 5) == errno.EINVAL
    assert code(kernel.core.set_filter_ip, ops, read - 1) == errno.EINVAL
    assert code(kernel.core.set_filter_ip, ops, kernel.ip["do_exit"], remove=True) == errno.ENOENT
    assert code(kernel.core.set_filter_ip, ops, read, remove=True, reset=True) == errno.ENOENT
    assert ops.filter_hash == {read}
    assert enabled(kernel) == ["vfs_read"]


def test_the_middle_of_a_site(boot: Boot) -> None:
    """3.7 keeps the address as given, which no record has; 6.12 keeps the record's."""
    for config, kept in (("3.7", 4), ("6.12", 0)):
        kernel = boot(config)
        ops, read = kernel.ops("probe"), kernel.ip["vfs_read"]
        kernel.core.set_filter_ip(ops, read + 4)
        assert ops.filter_hash == {read + kept}
        assert wanted(kernel, ops) == ([] if kept else ["vfs_read"])


def test_the_first_byte_of_a_function(boot: Boot) -> None:
    for config, found in (("3.7", False), ("6.12", True)):
        kernel = boot(config)
        ops, entry = kernel.ops("probe"), kernel.plain.address("vfs_read")
        assert entry != kernel.ip["vfs_read"]
        if found:
            kernel.core.set_filter_ip(ops, entry)
            assert ops.filter_hash == {kernel.ip["vfs_read"]}
        else:
            assert code(kernel.core.set_filter_ip, ops, entry) == errno.EINVAL


def test_address_0_is_no_address_in_3_7(boot: Boot) -> None:
    kernel = boot("3.7")
    ops = kernel.ops("probe", on=["vfs_read"])
    kernel.core.set_filter_ip(ops, 0, remove=True)
    assert wanted(kernel, ops) == ["vfs_read"]
    kernel.core.set_filter_ip(ops, 0, reset=True)
    assert wanted(kernel, ops) == ALL
    kernel = boot("6.12")
    assert code(kernel.core.set_filter_ip, kernel.ops("probe"), 0) == errno.EINVAL


def test_3_6_has_no_ftrace_set_filter_ip(boot: Boot) -> None:
    kernel = boot("3.6")
    with pytest.raises(UsageError, match=r"release 3\.6 has no ftrace_set_filter_ip"):
        kernel.core.set_filter_ip(kernel.ops("probe"), kernel.ip["vfs_read"])


# -- what follows for the sites ----------------------------------------------------------------------------------------


def test_another_string_for_a_registered_ops_moves_its_site(kernel: Kernel) -> None:
    ops = kernel.register("probe", on=["vfs_read"])
    kernel.plain.log.clear()
    kernel.core.set_filter(ops, "do_exit", reset=True)
    patched = [entry for entry in kernel.plain.log if entry[0] in ALL]
    assert [name for name, _ in patched] == ["vfs_read", "do_exit"]
    assert patched[0][1] == "nop"
    assert kernel.letters("vfs_read") == "0"
    assert kernel.letters("do_exit").startswith("1 ENABLED")


def test_a_site_that_nothing_changes_for_is_not_written(kernel: Kernel) -> None:
    ops = kernel.register("probe", on=["vfs_read"])
    kernel.plain.log.clear()
    kernel.core.set_filter(ops, "vfs_read")
    assert [entry for entry in kernel.plain.log if entry[0] != "function_trace_stop"] in (
        [],
        [("__ftrace_trace_function", "probe_func")],
    )


@pytest.mark.parametrize("config", ["3.7", "6.12-shared"])
def test_regs_outlive_a_filter_that_was_narrowed(boot: Boot, config: str) -> None:
    """6.12 asks whether anybody on the list still wants regs while the old hash is still in force."""
    kernel = boot(config)
    kernel.register("plain", on=["vfs_read"])
    kprobe = kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"])
    kernel.core.set_filter(kprobe, "do_exit", reset=True)
    assert kernel.letters("vfs_read") == "1 ENABLED REGS REGS_EN"
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("plain", True)]


def test_a_private_copy_hides_that(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.register("plain", on=["vfs_read"])
    kprobe = kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"])
    kernel.core.set_filter(kprobe, "do_exit", reset=True)
    assert kernel.letters("vfs_read") == "1 ENABLED REGS REGS_EN TRAMP TRAMP_EN"
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("plain", False)]


# -- how a notrace hash is counted -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("config", "regs"), [("3.7", True), ("6.1", False), ("6.12", True), ("6.12-shared", True)])
def test_regs_after_a_notrace_hash_has_narrowed(boot: Boot, config: str, regs: bool) -> None:
    """6.1 counts it down when the ops does not want the function any more, and looks who else wants regs: nobody.
    6.12 counts everything down first, while the ops still wants it; 3.7 never takes regs back.
    """
    kernel = boot(config)
    kernel.register("plain", on=["vfs_read"])
    kprobe = kernel.register("kprobe", "SAVE_REGS")
    kernel.core.set_notrace(kprobe, "vfs_read")
    assert ("REGS REGS_EN" in kernel.letters("vfs_read")) == regs
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_write")] == [("kprobe", True)]


@pytest.mark.parametrize(("config", "regs"), [("3.7", True), ("6.1", True), ("6.12", True), ("6.12-shared", True)])
def test_regs_after_a_filter_has_narrowed(boot: Boot, config: str, regs: bool) -> None:
    """Here 6.1 counts as 6.12 does."""
    kernel = boot(config)
    kernel.register("plain", on=["vfs_read"])
    kprobe = kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"])
    kernel.core.set_filter(kprobe, "vfs_write", reset=True)
    assert ("REGS REGS_EN" in kernel.letters("vfs_read")) == regs


@pytest.mark.parametrize(("config", "ends"), [("6.1", True), ("6.12", False), ("6.12-shared", False)])
def test_a_notrace_hash_that_grows_twice(boot: Boot, config: str, ends: bool) -> None:
    """6.1 counts what was not traced before up and down again: REGS stays, and is found when the last ops goes."""
    kernel = boot(config)
    kprobe = kernel.register("kprobe", "SAVE_REGS")
    kernel.core.set_notrace(kprobe, "vfs_read")
    kernel.core.set_notrace(kprobe, "vfs_write")
    assert [kernel.letters(function)[0] for function in ALL] == ["0", "0", "1"]
    kernel.core.unregister(kprobe)
    assert kernel.core.disabled == ends


@pytest.mark.parametrize("config", ["3.6", "3.7", "6.1", "6.12"])
def test_a_notrace_hash_counts_only_what_the_filter_has(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = kernel.register("probe", on=["vfs_read", "do_exit"])
    for glob, counts in (("vfs_write", "101"), ("vfs_read", "001"), ("*", "000"), ("!*", "101"), ("do_exit", "100")):
        kernel.core.set_notrace(ops, glob)
        assert "".join(kernel.letters(function)[0] for function in ALL) == counts, glob
    kernel.core.set_filter(ops, None, reset=True)
    assert enabled(kernel) == ["vfs_read", "vfs_write"]
    kernel.core.unregister(ops)
    assert [kernel.letters(function) for function in ALL] == ["0"] * 3


# -- the end of counting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["3.6", "3.7", "6.1", "6.12"])
def test_as_many_ops_as_can_be_counted_are_too_many(boot: Boot, config: str) -> None:
    """FTRACE_REF_MAX: FTRACE_WARN_ON() when it is reached."""
    kernel = boot(config)
    rec, most = kernel.record("vfs_read"), kernel.release.bits.count
    first = kernel.register("first", on=["vfs_read"])
    rec.flags += most - 3
    kernel.register("second", on=["vfs_read"])
    assert (rec.count(kernel.release.bits), kernel.core.disabled) == (most - 1, False)
    with contextlib.suppress(FtraceError):  # later releases say so
        kernel.register("third", on=["vfs_read"])
    assert kernel.core.disabled
    assert code(kernel.core.unregister, first) == errno.ENODEV


@pytest.mark.parametrize("config", ["3.6", "3.7", "6.1", "6.12"])
def test_a_function_cannot_lose_an_ops_that_it_never_had(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = kernel.register("probe", on=["vfs_read"])
    kernel.record("vfs_read").flags -= 1
    with contextlib.suppress(FtraceError):
        kernel.core.unregister(ops)
    assert kernel.core.disabled


# -- functions that may not be traced ----------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["6.1", "6.12"])
def test_a_record_that_is_disabled_is_counted_by_nobody(boot: Boot, config: str) -> None:
    """A weak function that was replaced, or a module that is not ready yet."""
    kernel = boot(config)
    rec = kernel.record("vfs_read")
    rec.flags = disabled = kernel.release.bits.DISABLED
    ops = kernel.register("probe")
    livepatch = kernel.ops("livepatch", "IPMODIFY", on=["vfs_read"])
    kernel.core.register(livepatch)
    assert (rec.flags, enabled(kernel)) == (disabled, ["vfs_write", "do_exit"])
    for each in (livepatch, ops):
        kernel.core.unregister(each)
    assert (rec.flags, kernel.core.disabled) == (disabled, False)


@pytest.mark.parametrize("config", ["6.1", "6.12"])
def test_one_that_is_disabled_while_it_is_traced_is_counted_down(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = kernel.register("probe", on=["vfs_read"])
    kernel.record("vfs_read").flags |= kernel.release.bits.DISABLED
    kernel.core.unregister(ops)
    assert (kernel.target("vfs_read"), kernel.core.disabled) == ("nop", False)
    assert kernel.letters("vfs_read") == "0"

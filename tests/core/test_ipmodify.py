# SPDX-License-Identifier: GPL-2.0-only
"""IPMODIFY: one ops a function, named functions only, and direct calls that have to agree."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from emulator.core.ipmodify import OpsCmd
from emulator.core.ops import FtraceOps
from emulator.errors import Fault, FtraceError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

CONFIGS = ["6.1", "6.12", "6.12-shared", "6.12-list"]
DIRECT = ["6.1", "6.12"]
TRAMPOLINE = 0xD100


def code(call: Callable[..., object], *arguments: Any, **options: Any) -> int | None:
    with pytest.raises(FtraceError) as refused:
        call(*arguments, **options)
    return refused.value.errno


def marked(kernel: Kernel) -> list[str]:
    return [rec.symbol for rec in kernel.core.records.values() if rec.flags & kernel.release.bits.IPMODIFY]


@pytest.mark.parametrize("config", CONFIGS)
def test_one_ops_a_function(boot: Boot, config: str) -> None:
    kernel = boot(config)
    first = kernel.register("first", "IPMODIFY", on=["vfs_read"])
    assert code(kernel.register, "second", "IPMODIFY", on=["vfs_read", "vfs_write"]) == errno.EBUSY
    kernel.register("third", "IPMODIFY", on=["vfs_write"])
    assert marked(kernel) == ["vfs_read", "vfs_write"]
    kernel.core.unregister(first)
    assert marked(kernel) == ["vfs_write"]
    kernel.register("fourth", "IPMODIFY", on=["vfs_read"])


@pytest.mark.parametrize("config", CONFIGS)
def test_a_refusal_takes_back_the_marks_that_were_set(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("first", "IPMODIFY", on=["do_exit"])
    assert code(kernel.register, "second", "IPMODIFY", on=["vfs_read", "do_exit"]) == errno.EBUSY
    assert marked(kernel) == ["do_exit"]
    kernel.register("third", "IPMODIFY", on=["vfs_read"])


@pytest.mark.parametrize("config", CONFIGS)
def test_any_number_of_others_may_share(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("livepatch", "IPMODIFY", on=["vfs_read"])
    kernel.register("plain", on=["vfs_read"])
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["plain", "livepatch"]


@pytest.mark.parametrize("config", CONFIGS)
def test_an_empty_filter_is_everything_and_refused(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = kernel.ops("livepatch", "IPMODIFY")
    kernel.core.set_filter(ops, None, reset=True)
    assert code(kernel.core.register, ops) == errno.EINVAL
    assert (ops.has("ENABLED"), kernel.core.ops, marked(kernel)) == (False, [], [])


@pytest.mark.parametrize("config", CONFIGS)
def test_a_refused_ops_keeps_adding(boot: Boot, config: str) -> None:
    """ftrace_startup() takes back ENABLED and forgets ADDING; a later registration does not mind."""
    kernel = boot(config)
    kernel.register("first", "IPMODIFY", on=["vfs_read"])
    second = kernel.ops("second", "IPMODIFY", on=["vfs_read"])
    assert code(kernel.core.register, second) == errno.EBUSY
    assert (second.has("ADDING"), second.has("ENABLED")) == (True, False)
    kernel.core.set_filter(second, "vfs_write", reset=True)
    kernel.core.register(second)
    assert (second.has("ADDING"), second.has("ENABLED")) == (False, True)
    assert [seen.ops for seen in kernel.call("vfs_write")] == ["second"]


def test_a_refused_ops_of_a_module_gives_its_copy_back(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.register("first", "IPMODIFY", on=["vfs_read"])
    for home, kept in (("core", True), ("module", False)):
        ops = kernel.ops(f"second-{home}", "IPMODIFY", on=["vfs_read"], home=home)
        assert code(kernel.core.register, ops) == errno.EBUSY
        assert bool(ops.trampoline) == kept


@pytest.mark.parametrize("config", CONFIGS)
def test_the_filter_of_a_registered_ops(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("other", "IPMODIFY", on=["do_exit"])
    ops = kernel.register("livepatch", "IPMODIFY", on=["vfs_read"])
    assert code(kernel.core.set_filter, ops, "do_exit") == errno.EBUSY
    assert code(kernel.core.set_filter, ops, "*") == errno.EBUSY
    assert code(kernel.core.set_filter, ops, None, reset=True) == errno.EINVAL
    assert code(kernel.core.set_filter, ops, "!vfs_read") == errno.EINVAL
    assert (ops.filter_hash, marked(kernel)) == ({kernel.ip["vfs_read"]}, ["vfs_read", "do_exit"])
    kernel.core.set_filter(ops, "vfs_write")
    assert marked(kernel) == ["vfs_read", "vfs_write", "do_exit"]
    kernel.core.set_filter(ops, "vfs_write", reset=True)
    assert marked(kernel) == ["vfs_write", "do_exit"]
    kernel.core.set_filter(ops, "vfs_write")


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("registered", [False, True])
def test_there_is_no_notrace_hash(boot: Boot, config: str, registered: bool) -> None:
    kernel = boot(config)
    ops = kernel.ops("livepatch", "IPMODIFY", on=["vfs_read"])
    if registered:
        kernel.core.register(ops)
    assert code(kernel.core.set_notrace, ops, "do_exit") == errno.EINVAL
    assert ops.notrace_hash == set()


def test_one_that_has_a_notrace_hash_all_the_same_loses_its_mark_and_gets_none_back(boot: Boot) -> None:
    """The flag came later: nobody counts it on that function, and whoever leaves clears the record."""
    kernel = boot("6.12")
    ops = kernel.ops("livepatch", on=["vfs_read", "vfs_write"])
    kernel.core.set_notrace(ops, "vfs_read")
    ops.flags = frozenset({"IPMODIFY"})
    kernel.core.register(ops)
    assert marked(kernel) == ["vfs_read", "vfs_write"]
    kernel.core.unregister(kernel.register("plain", on=["vfs_read"]))
    assert marked(kernel) == ["vfs_write"]
    kernel.core.unregister(ops)
    assert (marked(kernel), kernel.core.disabled) == ([], False)


@pytest.mark.parametrize("config", CONFIGS)
def test_marks_do_not_wait_for_ftrace_enabled(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.set_enabled(enabled=False)
    first = kernel.register("first", "IPMODIFY", on=["vfs_read"])
    assert code(kernel.register, "second", "IPMODIFY", on=["vfs_read"]) == errno.EBUSY
    kernel.core.unregister(first)
    kernel.register("third", "IPMODIFY", on=["vfs_read"])


def test_without_records_nobody_looks(boot: Boot) -> None:
    kernel = boot("6.12-static")
    for name in ("first", "second"):
        kernel.register(name, "IPMODIFY")
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["second", "first"]


@pytest.mark.parametrize(("config", "faults"), [("6.1", True), ("6.12", True), ("6.12-shared", False)])
def test_one_that_never_had_a_filter(boot: Boot, config: str, faults: bool) -> None:
    """With direct calls the kernel follows ops->func_hash before anybody has set it."""
    kernel = boot(config)
    ops = kernel.ops("livepatch", "IPMODIFY")
    if faults:
        with pytest.raises(Fault, match="livepatch has had no filter yet"):
            kernel.core.register(ops)
        kernel.core.set_filter(ops, None)
    assert code(kernel.core.register, ops) == errno.EINVAL


def test_direct_and_ipmodify_in_one_ops_are_treated_as_neither(boot: Boot) -> None:
    """WARN_ON_ONCE, and 0."""
    kernel = boot("6.12-shared")
    kernel.register("both", "IPMODIFY", "DIRECT")
    assert marked(kernel) == []


# -- direct calls on the same function ---------------------------------------------------------------------------------


class Peer:
    """ops_func: notes what it is asked, and answers in turn."""

    def __init__(self, *answers: int) -> None:
        self.answers, self.asked = list(answers), []  # type: list[int], list[OpsCmd]

    def __call__(self, _ops: FtraceOps, command: OpsCmd) -> int:
        self.asked.append(command)
        return self.answers.pop(0) if self.answers else 0


SELF, PEER, DONE = (
    OpsCmd.ENABLE_SHARE_IPMODIFY_SELF,
    OpsCmd.ENABLE_SHARE_IPMODIFY_PEER,
    OpsCmd.DISABLE_SHARE_IPMODIFY_PEER,
)


def test_the_commands_have_the_kernels_numbers() -> None:
    assert [int(command) for command in (SELF, PEER, DONE)] == [0, 1, 2]


@pytest.mark.parametrize("config", DIRECT)
@pytest.mark.parametrize("ipmodify_first", [False, True])
def test_where_nobody_can_be_asked(boot: Boot, config: str, ipmodify_first: bool) -> None:
    kernel = boot(config)
    direct = kernel.direct_ops("direct", on=["vfs_read"])
    livepatch = kernel.ops("livepatch", "IPMODIFY", on=["vfs_read"])
    if ipmodify_first:
        kernel.core.register(livepatch)
        assert code(kernel.core.direct.register, direct, TRAMPOLINE) == errno.EBUSY
        assert kernel.core.direct_functions == {}
    else:
        kernel.core.direct.register(direct, TRAMPOLINE)
        assert code(kernel.core.register, livepatch) == errno.EBUSY
        assert not livepatch.has("ADDING"), "nothing had begun"
    kernel.register("elsewhere", "IPMODIFY", on=["vfs_write"])


@pytest.mark.parametrize("config", DIRECT)
def test_the_direct_ops_is_asked_whoever_comes_second(boot: Boot, config: str) -> None:
    kernel, peer = boot(config), Peer()
    direct = kernel.direct_ops("direct", on=["vfs_read"], ops_func=peer)
    kernel.core.direct.register(direct, TRAMPOLINE)
    livepatch = kernel.register("livepatch", "IPMODIFY", on=["vfs_read", "vfs_write"])
    assert peer.asked == [PEER]
    kernel.core.unregister(livepatch)
    assert peer.asked == [PEER, DONE]
    kernel.core.direct.unregister(direct, TRAMPOLINE)
    kernel.core.register(livepatch)
    kernel.core.direct.register(direct, TRAMPOLINE)
    assert peer.asked == [PEER, DONE, SELF]
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Seen", "Directed"]


@pytest.mark.parametrize("config", DIRECT)
def test_its_refusal_is_the_callers(boot: Boot, config: str) -> None:
    kernel, peer = boot(config), Peer(-errno.EAGAIN, 0, -errno.EPERM)
    direct = kernel.direct_ops("direct", on=["vfs_read"], ops_func=peer)
    kernel.core.direct.register(direct, TRAMPOLINE)
    livepatch = kernel.ops("livepatch", "IPMODIFY", on=["vfs_read"])
    assert code(kernel.core.register, livepatch) == errno.EAGAIN
    assert marked(kernel) == []
    kernel.core.register(livepatch)
    assert code(kernel.core.direct.modify, direct, 0xD200) == errno.EPERM
    assert peer.asked == [PEER, PEER, SELF]
    assert kernel.core.direct_functions == {kernel.ip["vfs_read"]: TRAMPOLINE}
    kernel.core.direct.modify(direct, 0xD200)
    assert kernel.core.direct_functions == {kernel.ip["vfs_read"]: 0xD200}


@pytest.mark.parametrize("config", DIRECT)
def test_a_filter_that_takes_in_a_function_with_ipmodify_asks(boot: Boot, config: str) -> None:
    """FTRACE_WARN_ON() is for records that are DIRECT already; these are not."""
    kernel, peer = boot(config), Peer(-errno.EAGAIN)
    direct = kernel.direct_ops("direct", on=["vfs_read"], ops_func=peer)
    kernel.core.direct.register(direct, TRAMPOLINE)
    kernel.register("livepatch", "IPMODIFY", on=["vfs_write"])
    assert code(kernel.core.set_filter_ip, direct, kernel.ip["vfs_write"]) == errno.EAGAIN
    assert code(kernel.core.set_filter, direct, None, reset=True) == errno.EINVAL
    assert direct.filter_hash == {kernel.ip["vfs_read"]}
    assert peer.asked == [SELF]


@pytest.mark.parametrize("config", DIRECT)
def test_unregistering_what_is_not_registered_asks_too(boot: Boot, config: str) -> None:
    """cleanup_direct_functions_after_ipmodify() does not wait for the answer of ftrace_shutdown()."""
    kernel, peer = boot(config), Peer()
    kernel.core.direct.register(kernel.direct_ops("direct", on=["vfs_read"], ops_func=peer), TRAMPOLINE)
    livepatch = kernel.ops("livepatch", "IPMODIFY", on=["vfs_read"])
    assert code(kernel.core.unregister, livepatch) == errno.EBUSY
    assert peer.asked == [DONE]

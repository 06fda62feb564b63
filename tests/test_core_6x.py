# SPDX-License-Identifier: GPL-2.0-only
"""What 6.1 and 6.12 do that one would not guess: kernel/trace/ftrace.c and fgraph.c, through the machine."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from emulator.core.fgraph_ops import FgraphOps
from emulator.core.ops import FtraceOps
from emulator.errors import Fault, FtraceError, UsageError
from emulator.lab import Lab

KERNELS = [
    pytest.param(arch, release, id=f"{arch}-{release}") for arch in ("x86_64", "arm") for release in ("6.1", "6.12")
]
X86 = [pytest.param(release, id=release) for release in ("6.1", "6.12")]
ARCHES = ["x86_64", "arm"]


class Kernel:
    """A lab, and in `seen` who was called on which function."""

    def __init__(self, arch: str, release: str) -> None:
        self.lab = Lab(arch, release=release)
        self.seen: list[tuple[str, str]] = []

    def ops(self, name: str, *flags: str, on: str | None = None, **more: Any) -> FtraceOps:
        ops = FtraceOps(name, lambda ip, *_: self.note(name, ip), flags=flags, **more)
        if on:
            self.lab.set_filter(ops, on)
        return ops

    def direct(self, name: str, on: str, **more: Any) -> FtraceOps:
        ops = FtraceOps(name, **more)
        self.lab.set_filter(ops, on)
        return ops

    def user(self, name: str, **more: Any) -> FgraphOps:
        return FgraphOps(name, lambda trace, _: self.note(name, trace.func), **more)

    def note(self, name: str, ip: int) -> bool:
        self.seen.append((name, self.lab.symbol(ip).split("+")[0]))
        return True

    def call(self, function: str = "vfs_read") -> list[str]:
        """Who was called for that function."""
        self.seen.clear()
        self.lab.call(function)
        return [name for name, where in self.seen if where == function]

    def site(self, function: str = "vfs_read") -> str:
        target = self.lab.record(function).target
        return self.lab.symbol(target) if target else "nop"


def code(call: Callable[..., object], *arguments: object) -> int:
    with pytest.raises(FtraceError) as refused:
        call(*arguments)
    assert refused.value.errno is not None
    return refused.value.errno


# -- filters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", X86)
def test_an_ops_that_comes_to_a_function_by_its_filter_finds_the_private_copy_of_the_other(release: str) -> None:
    kernel = Kernel("x86_64", release)
    old, new = kernel.ops("old", on="vfs_read"), kernel.ops("new", on="vfs_write")
    kernel.lab.register(old)
    kernel.lab.register(new)
    assert kernel.site() == "ftrace_trampoline[old]"
    kernel.lab.set_filter(new, "vfs_read")
    assert kernel.site() == "ftrace_caller"
    assert kernel.call() == ["new", "old"]


# -- the graph tracer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ARCHES)
def test_a_notrace_hash_of_a_registered_graph_user_leaves_the_sites_alone(arch: str) -> None:
    """The manager's notrace hash only shrinks; whether the user itself is asked is the architecture's affair."""
    kernel = Kernel(arch, "6.12")
    user = kernel.user("user")
    kernel.lab.register_graph(user)
    enabled = kernel.site()
    kernel.lab.set_notrace(user.ops, "vfs_read")
    assert kernel.site() == enabled != "nop"
    assert kernel.call() == (["user"] if kernel.lab.core.graph.has_func else [])
    kernel.lab.unregister_graph(user)
    kernel.lab.register_graph(user)
    assert kernel.site() == "nop"
    assert kernel.call() == []


@pytest.mark.parametrize("arch", ARCHES)
def test_a_function_that_nobody_excludes_any_more_is_not_excluded_again(arch: str) -> None:
    kernel = Kernel(arch, "6.12")
    narrow, wide = kernel.user("narrow"), kernel.user("wide")
    kernel.lab.set_notrace(narrow.ops, "vfs_read")
    kernel.lab.register_graph(narrow)
    assert kernel.site() == "nop"
    kernel.lab.register_graph(wide)
    assert kernel.call() == ["wide"]
    kernel.lab.unregister_graph(wide)
    assert kernel.site() != "nop"


@pytest.mark.parametrize(("arch", "release"), KERNELS)
def test_pids_restrict_the_graph_users_with_that_flag_alone(arch: str, release: str) -> None:
    kernel = Kernel(arch, release)
    user = kernel.user("user")
    kernel.lab.register_graph(user)
    kernel.lab.pids = {kernel.lab.current.pid + 1}
    assert kernel.call() == ["user"]
    if release == "6.12":
        kernel.lab.register_graph(kernel.user("restricted", flags=("PID",)))
        assert kernel.call() == ["user"]
        kernel.lab.pids = ()
        assert kernel.call() == ["user", "restricted"]


def test_pids_are_not_noticed_while_the_trampoline_calls_nobody() -> None:
    """ftrace_update_pid_func() does nothing then; the graph tracer of arm is behind the callback, which is the stub."""
    kernel = Kernel("arm", "6.12")
    user = kernel.user("user", flags=("PID",))
    kernel.lab.register_graph(user)
    kernel.lab.pids = {kernel.lab.current.pid + 1}
    assert kernel.call() == ["user"]
    kernel.lab.unregister_graph(user)
    kernel.lab.register_graph(user)
    assert kernel.call() == []


@pytest.mark.parametrize("arch", ARCHES)
def test_a_graph_user_that_is_registered_twice_costs_a_turn_of_the_indices(arch: str) -> None:
    kernel = Kernel(arch, "6.12")
    one, two = kernel.user("one"), kernel.user("two")
    kernel.lab.register_graph(one)
    assert code(kernel.lab.register_graph, one) == errno.EBUSY
    kernel.lab.register_graph(two)
    assert (one.idx, two.idx) == (0, 2)
    assert kernel.call() == ["one", "two"]


def test_a_second_graph_user_that_is_refused_ends_the_call_without_a_test() -> None:
    kernel = Kernel("x86_64", "6.12")
    user = kernel.user("user")
    kernel.lab.register_graph(user)
    kernel.lab.set_notrace(user.ops, "vfs_read")
    assert kernel.call() == ["user"]
    assert code(kernel.lab.register_graph, user) == errno.EBUSY
    assert kernel.call() == []


def test_sixteen_graph_users_are_counted_before_anything_else() -> None:
    kernel = Kernel("x86_64", "6.12")
    users = [kernel.user(f"user{number}") for number in range(16)]
    for user in users:
        kernel.lab.register_graph(user)
    assert code(kernel.lab.register_graph, users[0]) == errno.ENOSPC
    kernel.lab.kill()
    assert code(kernel.lab.register_graph, kernel.user("another")) == errno.ENOSPC


@pytest.mark.parametrize(("arch", "release"), KERNELS)
def test_an_entry_function_may_unregister_itself(arch: str, release: str) -> None:
    kernel = Kernel(arch, release)

    def enter(trace: Any, gops: FgraphOps) -> bool:
        kernel.lab.unregister_graph(gops)
        return kernel.note("user", trace.func)

    user = FgraphOps("user", enter)
    kernel.lab.register_graph(user)
    kernel.lab.call("schedule")
    assert kernel.seen == [("user", "schedule")]
    assert kernel.call("schedule") == []
    assert kernel.site("schedule") == "nop"


@pytest.mark.parametrize("arch", ARCHES)
def test_sizes_that_can_be_reserved(arch: str) -> None:
    kernel = Kernel(arch, "6.12")
    most = 32 * kernel.lab.arch.word
    got: list[bytearray | None] = []

    def enter(_trace: object, gops: FgraphOps) -> None:
        got.extend(gops.reserve_data(size) for size in (1, most, most + 1, -1))
        for size in (0, "1", None):
            with pytest.raises(UsageError):
                gops.reserve_data(size)  # type: ignore[arg-type]

    kernel.lab.register_graph(FgraphOps("user", enter))
    kernel.lab.call("schedule")
    assert [data and len(data) for data in got] == [kernel.lab.arch.word, most, None, None]


@pytest.mark.parametrize("release", ["6.1", "6.12"])
def test_where_patching_fails_the_only_graph_user_of_6_1_stays(release: str) -> None:
    kernel = Kernel("arm", release)
    kernel.lab.image.memory.write(kernel.lab.record("schedule").ip, bytes.fromhex("04c09de4"))  # pop {ip}
    assert code(kernel.lab.register_graph, kernel.user("user")) == errno.ENODEV
    assert kernel.call() == (["user"] if release == "6.1" else [])
    refused = errno.EBUSY if release == "6.1" else errno.ENODEV
    assert code(kernel.lab.register_graph, kernel.user("next")) == refused


def test_a_graph_user_belongs_to_one_kernel() -> None:
    one, two = (Kernel("x86_64", release) for release in ("6.1", "6.12"))
    user = one.user("user")
    one.lab.register_graph(user)
    with pytest.raises(UsageError, match="another kernel"):
        two.lab.register_graph(user)
    assert one.call() == ["user"]
    one.lab.unregister_graph(user)
    two.lab.set_filter(user.ops, "vfs_write")
    with pytest.raises(UsageError, match="another kernel"):
        one.lab.register_graph(user)


@pytest.mark.parametrize(("arch", "release"), KERNELS)
def test_a_name_that_the_core_needs_for_itself(arch: str, release: str) -> None:
    kernel = Kernel(arch, release)
    ops, user = kernel.ops("graph_ops", on="vfs_read"), kernel.user("user")
    kernel.lab.register(ops)
    with pytest.raises(UsageError, match="choose another name"):
        kernel.lab.register_graph(user)
    kernel.lab.unregister(ops)
    kernel.lab.register_graph(user)
    assert kernel.call() == ["user"]
    kernel.lab.unregister_graph(user)
    kernel.lab.register(ops)
    assert kernel.call() == ["graph_ops"]


# -- direct calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", X86)
def test_what_a_refused_direct_call_leaves_behind(release: str) -> None:
    """6.12 resets func and trampoline, 6.1 forgets to: a second try is refused for these."""
    kernel = Kernel("x86_64", release)
    livepatch, direct = kernel.ops("livepatch", "IPMODIFY", "SAVE_REGS", on="vfs_read"), kernel.direct("d", "vfs_read")
    tramp = kernel.lab.address("my_tramp")
    kernel.lab.register(livepatch)
    assert code(kernel.lab.register_direct, direct, tramp) == errno.EBUSY
    kernel.lab.unregister(livepatch)
    if release == "6.1":
        assert code(kernel.lab.register_direct, direct, tramp) == errno.EINVAL
    else:
        kernel.lab.register_direct(direct, tramp)
        assert kernel.site() == "my_tramp"


def test_a_direct_call_of_an_ops_is_not_changed_by_address() -> None:
    kernel = Kernel("x86_64", "6.1")
    ip, first, second = kernel.lab.record("vfs_read").ip, *map(kernel.lab.address, ("my_tramp1", "my_tramp2"))
    kernel.lab.register_direct(kernel.direct("d", "vfs_read"), first)
    assert code(kernel.lab.modify_direct, ip, first, second) == errno.EINVAL
    assert code(kernel.lab.unregister_direct, ip, first) == errno.ENOENT
    assert kernel.site() == "my_tramp1"
    other = kernel.lab.record("vfs_write").ip
    kernel.lab.register_direct(other, first)
    assert code(kernel.lab.unregister_direct, ip, first) == errno.ENOENT
    kernel.lab.modify_direct(other, first, second)
    assert (kernel.site(), kernel.site("vfs_write")) == ("my_tramp1", "my_tramp2")


@pytest.mark.parametrize("release", X86)
def test_a_direct_ops_hears_of_the_end_of_an_ipmodify_ops_that_never_was_registered(release: str) -> None:
    kernel = Kernel("x86_64", release)
    told: list[str] = []

    def ops_func(_ops: FtraceOps, command: Any) -> int:
        told.append(command.name)
        return 0

    direct = kernel.direct("d", "vfs_read", ops_func=ops_func)
    kernel.lab.register_direct(direct, kernel.lab.address("my_tramp"))
    livepatch = kernel.ops("livepatch", "IPMODIFY", "SAVE_REGS", on="vfs_read")
    assert code(kernel.lab.unregister, livepatch) == errno.EBUSY
    assert told == ["DISABLE_SHARE_IPMODIFY_PEER"]


# -- private copies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", X86)
def test_a_modules_copy_is_freed_even_where_its_site_still_calls_it(release: str) -> None:
    kernel = Kernel("x86_64", release)
    ops = kernel.ops("probe", on="*_read", home="module")
    kernel.lab.register(ops)
    kernel.lab.image.memory.write(kernel.lab.record("kernel_read").ip, bytes.fromhex("6666666690"))  # another NOP
    assert code(kernel.lab.unregister, ops) == errno.ENODEV
    with pytest.raises(Fault):
        kernel.lab.call("vfs_read")


def test_an_ops_with_a_func_after_one_without_of_the_same_name() -> None:
    kernel = Kernel("x86_64", "6.12")
    tramp = kernel.lab.address("my_tramp")
    direct = kernel.direct("probe", "vfs_read")
    kernel.lab.register_direct(direct, tramp)
    kernel.lab.unregister_direct(direct, tramp)
    kernel.lab.register(kernel.ops("probe", on="vfs_read"))
    assert kernel.call() == ["probe"]


# -- bad input ---------------------------------------------------------------------------------------------------------


def enable(lab: Lab, value: Any) -> None:
    lab.enabled = value


def restrict(lab: Lab, value: Any) -> None:
    lab.pids = [value]


def interrupt(lab: Lab, value: Any) -> None:
    lab.current.context = value


OPS: list[Callable[[Lab, Any], object]] = [
    lambda lab, value: lab.register(value),
    lambda lab, value: lab.unregister(value),
    lambda lab, value: lab.set_filter(value, "vfs_read"),
    lambda lab, value: lab.set_notrace(value, "vfs_read"),
    lambda lab, value: lab.set_filter_ip(value, lab.record("vfs_read").ip),
    lambda lab, value: lab.register_graph(value),
    lambda lab, value: lab.unregister_graph(value),
]
NUMBERS: list[Callable[[Lab, Any], object]] = [
    enable,
    restrict,
    interrupt,
    lambda lab, value: lab.set_filter_ip(FtraceOps("ops"), value),
    lambda lab, value: lab.call("vfs_read", limit=value),
    lambda _lab, value: FtraceOps("ops", flags=[value, 1]),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("arch", "release"), KERNELS)
@pytest.mark.parametrize("value", [None, "x", 1.5, [1]], ids=repr)
@pytest.mark.parametrize("call", [*OPS, *NUMBERS])
def test_what_is_of_the_wrong_kind_is_refused(
    call: Callable[[Lab, Any], object], value: object, arch: str, release: str
) -> None:
    kernel = Kernel(arch, release)
    kernel.lab.register(kernel.ops("probe", on="vfs_read"))
    with pytest.raises(UsageError):
        call(kernel.lab, value)
    assert kernel.call() == ["probe"]


@pytest.mark.parametrize("value", [None, "x", -1, 1 << 64, 1.5])
@pytest.mark.parametrize("release", X86)
def test_what_is_no_address_is_refused(release: str, value: Any) -> None:
    kernel = Kernel("x86_64", release)
    direct, tramp = kernel.direct("d", "vfs_read"), kernel.lab.address("my_tramp")
    with pytest.raises(UsageError):
        kernel.lab.register_direct(direct, value)
    kernel.lab.register_direct(direct, tramp)
    for call in (kernel.lab.modify_direct, kernel.lab.unregister_direct):
        with pytest.raises(UsageError):
            call(direct, value)
    assert kernel.site() == "my_tramp"


@pytest.mark.parametrize("name", [None, "", 1, b"x"])
@pytest.mark.parametrize(
    "make",
    [
        FtraceOps,
        lambda name: FgraphOps(name, lambda *_: True),
        lambda name: Lab("x86_64").add_function(name, lambda: 0),
    ],
)
def test_what_is_no_name_is_refused(make: Callable[[Any], object], name: object) -> None:
    with pytest.raises(UsageError, match="name"):
        make(name)


@pytest.mark.parametrize("limit", [0, -1, 1 << 70])
def test_a_run_has_a_limit(limit: int) -> None:
    with pytest.raises(UsageError, match="limit"):
        Lab("x86_64").call("vfs_read", limit=limit)

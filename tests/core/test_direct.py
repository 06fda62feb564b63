# SPDX-License-Identifier: GPL-2.0-only
"""Direct calls: by ops, by address (6.1), alone on a function and beside others, and what is refused."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from emulator.core.ops import FtraceOps
from emulator.errors import FtraceError, UsageError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

CONFIGS = ["6.1", "6.12"]
WITHOUT = ["3.6", "3.7", "6.12-shared", "6.12-list", "6.12-static"]
ONE, TWO = 0xD100, 0xD200


def code(call: Callable[..., object], *arguments: Any, **options: Any) -> int | None:
    with pytest.raises(FtraceError) as refused:
        call(*arguments, **options)
    return refused.value.errno


def names(kernel: Kernel, function: str = "vfs_read") -> list[str]:
    """Callbacks by name, direct trampolines by address."""
    return [getattr(event, "ops", None) or f"{getattr(event, 'address', 0):#x}" for event in kernel.run(function)]


def direct(kernel: Kernel, *on: str, name: str = "direct", address: int = ONE) -> FtraceOps:
    ops = kernel.direct_ops(name, on=on or ("vfs_read",))
    kernel.core.direct.register(ops, address)
    return ops


# -- by ops ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", CONFIGS)
def test_alone_the_site_itself_calls_it(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = direct(kernel, "vfs_read", "vfs_write")
    assert kernel.target("vfs_read") == kernel.target("vfs_write") == f"{ONE:#x}"
    assert names(kernel) == [f"{ONE:#x}"]
    assert kernel.letters("vfs_read") == "1 ENABLED REGS REGS_EN TRAMP TRAMP_EN DIRECT DIRECT_EN"
    kernel.core.direct.unregister(ops, ONE)
    assert (kernel.target("vfs_read"), kernel.core.direct_functions) == ("nop", {})


@pytest.mark.parametrize("config", CONFIGS)
def test_beside_others_it_comes_last_and_through_ftrace_regs_caller(boot: Boot, config: str) -> None:
    kernel = boot(config)
    first = kernel.register("first", on=["vfs_read"])
    ops = direct(kernel)
    kernel.register("last", on=["vfs_read"])
    assert (kernel.target("vfs_read"), kernel.letters("vfs_read")) == (
        "ftrace_regs_caller",
        "3 ENABLED REGS REGS_EN DIRECT",
    )
    assert names(kernel) == ["last", "first", f"{ONE:#x}"]
    kernel.core.direct.unregister(ops, ONE)
    assert names(kernel) == ["last", "first"]
    kernel.core.unregister(first)
    assert kernel.target("vfs_read") == "copy of last"


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("second_function", [False, True])
@pytest.mark.parametrize("order", ["td-d-t", "td-t-d", "dt-t-d", "dt-d-t"])
def test_the_interleavings_of_the_kernels_own_test(boot: Boot, config: str, second_function: bool, order: str) -> None:
    """direct/ftrace-direct.tc: a tracer and a direct call come and go in any order, with and without a second one."""
    kernel = boot(config)
    if second_function:
        direct(kernel, "do_exit", name="too", address=TWO)
    tracer, ops, expected = kernel.ops("tracer"), kernel.direct_ops("direct", on=["vfs_read"]), {}
    steps: dict[str, Callable[[], None]] = {
        "t": lambda: kernel.core.register(tracer),
        "d": lambda: kernel.core.direct.register(ops, ONE),
        "-t": lambda: kernel.core.unregister(tracer),
        "-d": lambda: kernel.core.direct.unregister(ops, ONE),
    }
    for step in (order[0], order[1], order[2:4], order[4:6]):
        steps[step]()
        expected[step.strip("-")] = not step.startswith("-")
        wanted = ["tracer"] * expected.get("t", False) + [f"{ONE:#x}"] * expected.get("d", False)
        assert names(kernel) == wanted, step
        assert names(kernel, "do_exit")[-1:] == [f"{TWO:#x}"] * second_function or expected.get("t")


@pytest.mark.parametrize("config", CONFIGS)
def test_the_ops_is_the_kernels_while_it_lasts(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = kernel.direct_ops("direct", on=["vfs_read"])
    kernel.core.direct.register(ops, ONE)
    assert ops.flags == {"DIRECT", "SAVE_REGS"}
    assert ops.has("INITIALIZED")
    assert (kernel.plain.name(ops.func_address), kernel.plain.name(ops.trampoline)) == (
        "call_direct_funcs",
        "ftrace_regs_caller",
    )
    assert ops.trampoline not in kernel.plain.copies
    kernel.core.direct.unregister(ops, ONE)
    assert (ops.func_address, ops.trampoline, ops.filter_hash) == (0, 0, {kernel.ip["vfs_read"]})
    kernel.core.direct.register(ops, TWO)
    assert names(kernel) == [f"{TWO:#x}"]
    kernel.core.direct.unregister(ops, TWO, free_filters=True)
    assert ops.filter_hash == set()


@pytest.mark.parametrize("config", CONFIGS)
def test_what_is_refused(boot: Boot, config: str) -> None:
    kernel = boot(config)
    call = kernel.core.direct.register
    assert code(call, FtraceOps("new"), ONE) == errno.EINVAL, "not INITIALIZED"
    assert code(call, kernel.ops("func", on=["vfs_read"]), ONE) == errno.EINVAL, "has a func"
    empty = FtraceOps("empty")
    kernel.core.set_filter(empty, None)
    assert code(call, empty, ONE) == errno.EINVAL
    ops = direct(kernel)
    assert code(call, ops, ONE) == errno.EINVAL, "has a func by now"
    assert code(call, kernel.direct_ops("other", on=["vfs_write", "vfs_read"]), TWO) == errno.EBUSY
    assert kernel.core.direct_functions == {kernel.ip["vfs_read"]: ONE}
    for change in (kernel.core.direct.modify, kernel.core.direct.unregister):
        assert code(change, kernel.direct_ops(change.__name__, on=["vfs_write"]), ONE) == errno.EINVAL


@pytest.mark.parametrize("config", WITHOUT)
def test_where_there_are_no_direct_calls(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = FtraceOps("direct")
    for call in (kernel.core.direct.register, kernel.core.direct.modify, kernel.core.direct.unregister):
        assert code(call, ops, ONE) == errno.ENODEV


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("others", [0, 1, 2])
def test_modified_it_goes_elsewhere(boot: Boot, config: str, others: int) -> None:
    """ftrace-direct-multi-modify.c: on all its functions at once."""
    kernel = boot(config)
    ops = direct(kernel, "vfs_read", "do_exit")
    for index in range(others):
        kernel.register(f"other{index}", on=["vfs_read"])
    kernel.core.direct.modify(ops, TWO)
    assert (names(kernel)[-1], names(kernel, "do_exit")) == (f"{TWO:#x}", [f"{TWO:#x}"])
    assert [each.name for each in kernel.core.ops if each.name == "tmp_ops"] == []
    kernel.core.direct.modify(ops, ONE)
    assert names(kernel)[-1] == f"{ONE:#x}"
    kernel.core.direct.unregister(ops, ONE)
    assert kernel.core.direct_functions == {}


@pytest.mark.parametrize("config", CONFIGS)
def test_while_it_is_modified_the_site_goes_through_the_list(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = direct(kernel)
    kernel.plain.log.clear()
    kernel.core.direct.modify(ops, TWO)
    assert [value for what, value in kernel.plain.log if what == "vfs_read"] == ["ftrace_regs_caller", f"{TWO:#x}"]


def test_another_address_than_the_registered_leaves_the_entry_behind(boot: Boot) -> None:
    """remove_direct_functions_hash() compares: the function stays busy."""
    kernel = boot("6.12")
    kernel.core.direct.unregister(direct(kernel), TWO)
    assert kernel.target("vfs_read") == "nop"
    assert code(kernel.core.direct.register, kernel.direct_ops("next", on=["vfs_read"]), ONE) == errno.EBUSY


def test_refused_once_an_ops_of_6_1_is_spent(boot: Boot) -> None:
    """Only later versions take back the func that they had set."""
    for config, again in (("6.1", errno.EINVAL), ("6.12", errno.EBUSY)):
        kernel = boot(config)
        kernel.register("livepatch", "IPMODIFY", on=["vfs_read"])
        ops = kernel.direct_ops("direct", on=["vfs_read"])
        assert code(kernel.core.direct.register, ops, ONE) == errno.EBUSY
        assert code(kernel.core.direct.register, ops, ONE) == again


@pytest.mark.parametrize("config", CONFIGS)
def test_with_ftrace_enabled_0_nothing_is_called_until_it_is_1(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.set_enabled(enabled=False)
    direct(kernel)
    assert names(kernel) == []
    kernel.core.set_enabled(enabled=True)
    assert names(kernel) == [f"{ONE:#x}"]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_function_that_joins_a_direct_ops_by_its_filter(boot: Boot, config: str) -> None:
    """It has no entry of its own: 6.12 finds the address in the ops, 6.1 finds none."""
    kernel = boot(config)
    ops = direct(kernel)
    kernel.core.set_filter_ip(ops, kernel.ip["vfs_write"])
    assert kernel.target("vfs_write") == "ftrace_regs_caller"
    assert names(kernel, "vfs_write") == ([f"{ONE:#x}"] if config == "6.12" else [])


# -- by address (6.1) --------------------------------------------------------------------------------------------------


def test_by_address_one_ops_stands_for_all(boot: Boot) -> None:
    kernel = boot("6.1")
    calls = kernel.core.direct
    calls.register_ip(kernel.ip["vfs_read"], ONE)
    calls.register_ip(kernel.ip["vfs_write"] + 4, TWO)  # anywhere in the site
    calls.register_ip(kernel.plain.address("do_exit"), ONE)  # or a function's first byte
    assert [names(kernel, function) for function in kernel.ip] == [[f"{ONE:#x}"], [f"{TWO:#x}"], [f"{ONE:#x}"]]
    assert [ops.name for ops in kernel.core.ops] == ["direct_ops"]
    for function in kernel.ip:
        calls.unregister_ip(kernel.ip[function], ONE if function != "vfs_write" else TWO)
    assert (kernel.core.ops, kernel.core.direct_functions) == ([], {})
    assert [kernel.target(function) for function in kernel.ip] == ["nop"] * 3
    calls.register_ip(kernel.ip["vfs_read"], TWO)
    assert names(kernel) == [f"{TWO:#x}"]


def test_by_address_what_is_refused(boot: Boot) -> None:
    kernel = boot("6.1")
    calls, read, write = kernel.core.direct, kernel.ip["vfs_read"], kernel.ip["vfs_write"]
    assert code(calls.register_ip, read - 1, ONE) == errno.ENODEV
    for call in (calls.unregister_ip, lambda ip, address: calls.modify_ip(ip, address, TWO)):
        assert code(call, read, ONE) == errno.ENODEV
    calls.register_ip(read, ONE)
    assert code(calls.register_ip, read, TWO) == errno.EBUSY
    assert code(calls.modify_ip, read, TWO, ONE) == errno.EINVAL
    direct(kernel, "vfs_write", address=TWO)
    assert code(calls.register_ip, write, ONE) == errno.EBUSY
    assert code(calls.register, kernel.direct_ops("other", on=["vfs_read"]), TWO) == errno.EBUSY


def test_by_address_on_a_function_whose_ip_somebody_may_change(boot: Boot) -> None:
    kernel = boot("6.1")
    kernel.register("livepatch", "IPMODIFY", on=["vfs_read"])
    calls = kernel.core.direct
    assert code(calls.register_ip, kernel.ip["vfs_read"], ONE) == errno.EBUSY
    calls.register_ip(kernel.ip["vfs_write"], ONE)
    assert code(calls.register_ip, kernel.ip["vfs_read"], ONE) == errno.EBUSY
    assert (names(kernel), names(kernel, "vfs_write")) == (["livepatch"], [f"{ONE:#x}"])
    assert code(kernel.register, "second", "IPMODIFY", on=["vfs_write"]) == errno.EBUSY


def test_by_address_it_is_permanent(boot: Boot) -> None:
    kernel = boot("6.1")
    kernel.core.set_enabled(enabled=False)
    assert code(kernel.core.direct.register_ip, kernel.ip["vfs_read"], ONE) == errno.EBUSY
    kernel.core.set_enabled(enabled=True)
    kernel.core.direct.register_ip(kernel.ip["vfs_read"], ONE)
    assert code(kernel.core.set_enabled, enabled=False) == errno.EBUSY


@pytest.mark.parametrize("beside", [False, True])
def test_by_address_it_is_modified(boot: Boot, beside: bool) -> None:
    """Alone a stub beside it sends the function through the list meanwhile; else there is nothing to change."""
    kernel = boot("6.1")
    kernel.core.direct.register_ip(kernel.ip["vfs_read"], ONE)
    if beside:
        kernel.register("probe", on=["vfs_read"])
    kernel.plain.log.clear()
    kernel.core.direct.modify_ip(kernel.ip["vfs_read"], ONE, TWO)
    patched = [value for what, value in kernel.plain.log if what == "vfs_read"]
    assert patched == ([] if beside else ["ftrace_regs_caller", f"{TWO:#x}"])
    assert names(kernel)[-1] == f"{TWO:#x}"
    kernel.core.direct.modify_ip(kernel.ip["vfs_read"], TWO, ONE)
    assert names(kernel)[-1] == f"{ONE:#x}"
    assert "stub_ops" not in [ops.name for ops in kernel.core.ops]


def test_since_6_4_there_is_nothing_by_address(boot: Boot) -> None:
    kernel = boot("6.12")
    with pytest.raises(UsageError, match=r"release 6\.12: register_ftrace_direct\(\) takes an ops"):
        kernel.core.direct.register_ip(kernel.ip["vfs_read"], ONE)

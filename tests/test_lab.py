# SPDX-License-Identifier: GPL-2.0-only
"""Callbacks as users write them: what they may do to their arguments, to the kernel, and to themselves."""

from __future__ import annotations

import gc
import resource
from typing import Any

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.errors import FtraceError, LimitReached, RunError, UnknownName, UsageError
from emulator.lab import Lab
from emulator.subject import load

NEWEST = [pytest.param(name, id=name) for name in catalog.names()]
DYNAMIC = [
    pytest.param(arch.name, variant.name, id=f"{arch.name}-{variant.name}")
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE in variant.abilities
]


def register(
    lab: Lab, func: Any, *flags: str, name: str = "probe", on: str = "vfs_read", home: str = "core"
) -> FtraceOps:
    ops = FtraceOps(name, func, flags=flags, home=home)
    lab.set_filter(ops, on)
    lab.register(ops)
    return ops


def untraced(arch: str, function: str = "vfs_read") -> int:
    return Lab(arch).call(function).result


# -- regs and fregs ----------------------------------------------------------------------------------------------------


def test_a_write_to_regs_reaches_the_traced_function() -> None:
    seen: list[int] = []

    def change(_ip: int, _parent_ip: int, _op: FtraceOps, regs: Any) -> None:
        seen.append(regs.r12)
        regs.r12 = 0x1234

    lab = Lab("x86_64")
    register(lab, change, "SAVE_REGS")
    recording = lab.call("vfs_read")
    assert recording.hit.changed()["r12"] == (seen[0], 0x1234)
    assert recording.result != untraced("x86_64")
    assert lab.layout.get(recording.registers, "r12") == 0x1234


@pytest.mark.parametrize("arch", NEWEST)
def test_moving_the_instruction_pointer_redirects_as_livepatch_does(arch: str) -> None:
    lab = Lab(arch)
    behind = lab.record("vfs_write").ip + len(lab.variant.site.nop)

    def redirect(*_: object) -> None:
        assert lab.fregs is not None
        lab.fregs.set_instruction_pointer(behind)

    register(lab, redirect, *(["SAVE_REGS"] if lab.variant.regs else []))
    recording = lab.call("vfs_read")
    assert recording.hit.landing is None
    assert recording.outcome is None
    ran = {function.name for pc in recording.shape.pcs if (function := lab.image.symbols.function(pc))}  # type: ignore[union-attr]
    assert "vfs_write" in ran


def test_a_partial_record_can_move_the_instruction_pointer_too() -> None:
    lab = Lab("x86_64")

    def redirect(ip: int, _parent_ip: int, _op: FtraceOps, regs: Any) -> None:
        assert regs is None
        assert lab.fregs is not None
        assert lab.fregs.get_instruction_pointer() == ip + 5
        lab.fregs.set_instruction_pointer(lab.image.symbols.address("vfs_write"))

    register(lab, redirect)
    lab.call("vfs_read")
    assert (
        lab.call("vfs_read").result == Lab("x86_64").call("vfs_write").result
    )  # the same arguments, the same caller's shape


def test_return_override() -> None:
    """As override_function_with_return() does: go to a function that only returns, with a value of our own."""
    lab = Lab("x86_64")

    def override(_ip: int, _parent_ip: int, _op: FtraceOps, regs: Any) -> None:
        regs.ax = 42
        regs.ip = lab.image.symbols.address("ftrace_stub")

    register(lab, override, "SAVE_REGS")
    assert lab.call("vfs_read").result == 42


@pytest.mark.parametrize("arch", NEWEST)
def test_accessors_give_what_the_function_was_called_with(arch: str) -> None:
    lab = Lab(arch)
    seen: list[list[int]] = []

    def look(_ip: int, _parent_ip: int, _op: FtraceOps, _regs: Any) -> None:
        fregs = lab.fregs
        assert fregs is not None
        seen.append([*(fregs.get_argument(n) for n in range(len(lab.arch.abi.arguments))), fregs.get_return_value()])

    register(lab, look, *(["SAVE_REGS"] if lab.variant.regs else []))
    hit = lab.call("vfs_read").hit
    names = [*lab.arch.abi.arguments, lab.arch.abi.returns[0]]
    assert seen == [[lab.layout.get(hit.registers, name) for name in names]]


def test_there_are_fregs_during_a_callback_only() -> None:
    lab = Lab("x86_64")
    seen: list[Any] = []
    register(lab, lambda *_: seen.append(lab.fregs))
    lab.call("vfs_read")
    assert seen[0] is not None
    assert lab.fregs is None


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_an_unknown_member_is_an_error_of_the_callback(arch: str, variant: str) -> None:
    lab = Lab(arch, variant=variant)
    if not lab.variant.regs:
        pytest.skip("no regs")
    register(lab, lambda *arguments: arguments[3].eax, "SAVE_REGS")
    with pytest.raises(AttributeError, match=r"has no 'eax' \(known: "):
        lab.call("vfs_read")


# -- callbacks that raise ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_what_a_callback_raises_reaches_the_caller_and_the_lab_goes_on(arch: str, variant: str) -> None:
    class Oops(Exception):
        pass

    calls: list[int] = []

    def fail_once(ip: int, *_: object) -> None:
        calls.append(ip)
        if len(calls) == 1:
            raise Oops

    lab = Lab(arch, variant=variant)
    register(lab, fail_once)
    register(lab, lambda *_: None, name="second")  # through the list function, whose guard has to be left
    with pytest.raises(Oops):
        lab.call("vfs_read")
    assert lab.current.trace_recursion == 0
    assert lab.fregs is None
    recording = lab.call("vfs_read")
    assert len(recording.callbacks) == 2
    assert recording.result == untraced_variant(arch, variant)


def untraced_variant(arch: str, variant: str) -> int:
    return Lab(arch, variant=variant).call("vfs_read").result


def test_even_a_keyboard_interrupt() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    lab = Lab("x86_64")
    ops = register(lab, interrupt)
    with pytest.raises(KeyboardInterrupt):
        lab.call("vfs_read")
    lab.unregister(ops)
    assert lab.call("vfs_read").result == untraced("x86_64")


# -- callbacks that call -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_a_callback_may_call_another_traced_function(arch: str, variant: str) -> None:
    """The inner call finds the registers of the seed, and the outer one goes on where it was."""
    lab = Lab(arch, variant=variant)
    inner: list[Any] = []
    register(lab, lambda *_: inner.append(lab.call("vfs_write")))
    other = register(lab, lambda *_: None, name="other", on="vfs_write")
    recording = lab.call("vfs_read")
    (within,) = inner
    assert all(hit.landing is not None for hit in within.hits)
    if Ability.FRAME_POINTER not in lab.variant.abilities:  # a frame's address has a part in the result
        assert within.result == Lab(arch, variant=variant).call("vfs_write").result
    assert recording.result == untraced_variant(arch, variant)
    assert recording.hit.landing is not None
    assert [call.ops for call in within.callbacks] in ([other], [])  # the list function refuses a second entry at 3.x


@pytest.mark.parametrize(("release", "depth"), [("3.6", 1), ("3.7", 1), ("6.12", 2)])
def test_the_list_function_stops_a_callback_that_calls_its_own_function(release: str, depth: int) -> None:
    lab = Lab("x86_64", release=release)
    calls: list[int] = []

    def recurse(*_: object) -> None:
        calls.append(1)
        lab.call("vfs_read")

    register(lab, recurse)
    register(lab, lambda *_: None, name="second", on="vfs_write")
    register(lab, lambda *_: None, name="third")  # a second ops on the function: the list is used by 6.12, too
    lab.call("vfs_read")
    assert len(calls) == depth
    assert lab.current.trace_recursion == 0


def test_the_assist_function_stops_it_too() -> None:
    lab = Lab("x86_64")
    calls: list[int] = []

    def recurse(*_: object) -> None:
        calls.append(1)
        lab.call("vfs_read")

    register(lab, recurse, "RECURSION")
    recording = lab.call("vfs_read")
    assert len(calls) == 2
    assert recording.callbacks[0].via == ("ftrace_trampoline[probe]", "ftrace_ops_assist_func", "probe")


@pytest.mark.parametrize(("arch", "release"), [("x86_64", "6.12"), ("x86_64", "3.6"), ("arm", "6.12")])
def test_without_protection_nesting_ends_at_32(arch: str, release: str) -> None:
    lab = Lab(arch, release=release)
    depth: list[int] = []

    def recurse(*_: object) -> None:
        depth.append(1)
        lab.call("vfs_read")

    ops = register(lab, recurse)
    with pytest.raises(LimitReached, match="more than 32 deep"):
        lab.call("vfs_read")
    assert len(depth) == 32
    lab.unregister(ops)
    assert lab.call("vfs_read").result == Lab(arch, release=release).call("vfs_read").result


def test_a_callback_may_catch_the_limit() -> None:
    lab = Lab("x86_64")
    caught: list[RunError] = []

    def recurse(*_: object) -> None:
        try:
            lab.call("vfs_read")
        except LimitReached as error:
            caught.append(error)

    register(lab, recurse)
    assert lab.call("vfs_read").result == untraced("x86_64")
    assert len(caught) == 1


# -- callbacks that change the kernel ----------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", [True, False], ids=["traced", "untraced"])
@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_a_callback_may_register_another_ops_which_is_called_in_the_same_run(
    arch: str, variant: str, trace: bool
) -> None:
    """kernel_read's callback registers one on vfs_read, which kernel_read is about to call."""
    lab = Lab(arch, variant=variant)
    calls: list[str] = []
    late = FtraceOps("late", lambda *_: calls.append("late"))
    lab.set_filter(late, "vfs_read")

    def begin(*_: object) -> None:
        calls.append("early")
        lab.register(late)

    early = register(lab, begin, name="early", on="kernel_read")
    lab.call("vfs_read", trace=trace)  # so that the engine has translated the site
    result = lab.call("kernel_read", trace=trace).result
    assert calls == ["early", "late"]
    assert result == Lab(arch, variant=variant).call("kernel_read").result
    lab.unregister(early)
    lab.unregister(late)
    assert lab.call("kernel_read", trace=trace).callbacks == []


@pytest.mark.parametrize("trace", [True, False], ids=["traced", "untraced"])
@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_a_callback_may_unregister_itself(arch: str, variant: str, trace: bool) -> None:
    lab = Lab(arch, variant=variant)
    calls: list[int] = []

    def leave(*_: object) -> None:
        calls.append(1)
        lab.unregister(ops)

    ops = FtraceOps("once", leave)
    lab.register(ops)
    lab.call("kernel_read", trace=trace)
    assert calls == [1]
    assert lab.call("kernel_read", trace=trace).callbacks == []


def test_a_dynamic_ops_can_come_and_go_many_times() -> None:
    lab = Lab("x86_64")
    ops = FtraceOps("probe", lambda *_: None, home="module")
    lab.set_filter(ops, "vfs_read")
    addresses = set()
    for _ in range(100):
        lab.register(ops)
        addresses.add(ops.trampoline)
        lab.call("vfs_read", trace=False)
        lab.unregister(ops)
        assert ops.trampoline == 0
    assert len(addresses) == 100


# -- labs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", NEWEST)
def test_two_labs_alternate(arch: str) -> None:
    one, other = Lab(arch), Lab(arch, seed=2)
    results = one.call("vfs_read").result, other.call("vfs_read").result
    ops = register(one, lambda *_: None)
    for trace in (True, False):
        first, second = one.call("vfs_read", trace=trace), other.call("vfs_read", trace=trace)
        assert (first.result, second.result) == results
        assert [call.ops for call in first.callbacks] == [ops]
        assert second.callbacks == []
    fregs = one.call("vfs_read").callbacks[0].fregs
    frame, pointer = ("bp", "rbp") if arch == "x86_64" else ("fp", "x29")
    assert fregs is None or fregs[frame].origin.short == pointer


def test_an_ops_may_move_to_another_lab_when_it_is_free() -> None:
    one, other = Lab("x86_64"), Lab("x86_64", variant="6.12-fp")
    ops = FtraceOps("probe", lambda *_: None)
    one.register(ops)
    recording = one.call("vfs_write")
    with pytest.raises(UsageError, match="another kernel"):
        other.register(ops)
    one.unregister(ops)
    for lab in (other, one):
        lab.register(ops)
        call = lab.call("vfs_write").callbacks[-1]
        assert call.op is ops
        assert call.via == ("ftrace_trampoline[probe]", "probe")
        lab.unregister(ops)
    assert recording.callbacks[-1].via == ("ftrace_trampoline[probe]", "probe")


def test_many_labs_leave_nothing_behind() -> None:
    subjects = load(catalog.load("x86_64"), [catalog.load("x86_64").variant("6.12")])

    def use() -> None:
        for seed in range(100):
            lab = Lab(subject=subjects[0], seed=seed)
            register(lab, lambda *_: None)
            assert lab.call("vfs_read").callbacks
        gc.collect()

    use()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    use()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10  # in KiB; a lab has 400


# -- names and refusals ------------------------------------------------------------------------------------------------


def test_unknown_names() -> None:
    with pytest.raises(UnknownName, match="unknown architecture 'x86_46'; did you mean 'x86_64'"):
        Lab("x86_46")
    with pytest.raises(UnknownName, match=r"unknown release of x86_64 '6\.13'"):
        Lab("x86_64", release="6.13")
    with pytest.raises(UnknownName, match=r"unknown variant of x86_64 '3\.7'"):
        Lab("x86_64", release="6.12", variant="3.7")
    lab = Lab("x86_64")
    for ask in (lab.call, lab.run, lab.record):
        with pytest.raises(UnknownName, match="unknown function 'vfs_reed'; did you mean 'vfs_read'"):
            ask("vfs_reed")


def test_the_kernels_refusals_come_through() -> None:
    lab = Lab("x86_64")
    ops = register(lab, lambda *_: None)
    with pytest.raises(FtraceError, match="EBUSY"):
        lab.register(ops)
    lab.unregister(ops)
    with pytest.raises(FtraceError):
        lab.unregister(ops)
    with pytest.raises(UsageError, match="function_trace_stop"):
        lab.stop = True


def test_what_is_there() -> None:
    lab = Lab("x86_64")
    assert {"vfs_read", "vfs_write", "ksys_read", "kernel_read"} <= set(lab.functions)
    rec = lab.record("vfs_read")
    assert lab.symbol(rec.ip) == "vfs_read"
    assert lab.where(lab.image.symbols.address("ftrace_call")).startswith("ftrace_caller+")
    assert "ftrace-6.12.S:" in lab.where(lab.image.symbols.address("ftrace_call"))
    assert lab.subject.origin == "ours"
    assert lab.release.name == "6.12"


def test_a_limit_on_instructions() -> None:
    lab = Lab("x86_64")
    register(lab, lambda *_: None)
    with pytest.raises(LimitReached, match="10 instructions"):
        lab.call("vfs_read", limit=10)
    assert len(lab.call("vfs_read").callbacks) == 1


@pytest.mark.parametrize(("arch", "lost", "kept"), [("x86_64", "sp", "ax"), ("arm", "ORIG_r0", "r0")])
def test_a_write_that_would_be_lost_is_told_and_later_calls_work(arch: str, lost: str, kept: str) -> None:
    lab, name = Lab(arch), lost

    def func(_ip: int, _parent_ip: int, _op: Any, regs: Any) -> None:
        setattr(regs, name, 1)

    ops = FtraceOps("probe", func, flags={"SAVE_REGS"})
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    with pytest.raises(UsageError, match=f"pt_regs->{lost} = 0x1: ftrace_regs_caller does not load it back"):
        lab.call("vfs_read")
    name = kept
    assert lab.call("vfs_read").result != Lab(arch).call("vfs_read").result

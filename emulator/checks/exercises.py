# SPDX-License-Identifier: GPL-2.0-only
"""The exercises: every way into a trampoline and out of it that a variant has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from emulator.checks.rig import FUNCTION, OTHER, SPOILT, Rig
from emulator.core import releases
from emulator.core.ops import FtraceOps
from emulator.description import Ability, Entry, Variant
from emulator.errors import FtraceError, UnknownName


def always(_variant: Variant) -> bool:
    """Every variant has it."""
    return True


def having(*abilities: Ability) -> Callable[[Variant], bool]:
    """Variants with all these abilities."""
    return lambda variant: all(ability in variant.abilities for ability in abilities)


def _both(one: Callable[[Variant], bool], other: Callable[[Variant], bool]) -> Callable[[Variant], bool]:
    return lambda variant: one(variant) and other(variant)


def plain_loads(variant: Variant) -> bool:
    """Variants whose ftrace_caller loads its record back (DYNAMIC_FTRACE_WITH_ARGS)."""
    return variant.plain.record is not None and bool(variant.plain.honours)


def direct_by_address(variant: Variant) -> bool:
    """Releases that have register_ftrace_direct(ip, addr)."""
    return having(DIRECT)(variant) and releases.release(variant.release).direct_by_address


@dataclass(frozen=True, slots=True)
class Exercise:
    """What is registered, what callbacks do, and what is called."""

    name: str
    title: str
    run: Callable[[Rig], None]
    possible: Callable[[Variant], bool] = always


EXERCISES: dict[str, Exercise] = {}

DYNAMIC, REGS = Ability.DYNAMIC_FTRACE, Ability.DYNAMIC_FTRACE_WITH_REGS
GRAPH, DIRECT = Ability.FUNCTION_GRAPH_TRACER, Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS


def exercise(
    name: str, title: str, possible: Callable[[Variant], bool] = always
) -> Callable[[Callable[[Rig], None]], Callable[[Rig], None]]:
    """Declare one."""

    def declare(run: Callable[[Rig], None]) -> Callable[[Rig], None]:
        EXERCISES[name] = Exercise(name, title, run, possible)
        return run

    return declare


def named(name: str) -> Exercise:
    """The exercise called `name`; the command line's word for it is scenario. Raises UnknownName."""
    try:
        return EXERCISES[name]
    except KeyError:
        raise UnknownName("scenario", name, EXERCISES) from None


# -- callbacks that leave their record alone --------------------------------------------------------------------------


@exercise("disabled", "nobody traces anything")
def _disabled(rig: Rig) -> None:
    rig.call()
    rig.call("kernel_read")


@exercise("one", "one ops")
def _one(rig: Rig) -> None:
    rig.ops("probe")
    rig.call()


@exercise("two", "two ops on one function: the list function")
def _two(rig: Rig) -> None:
    rig.ops("probe")
    rig.ops("second")
    rig.call()


@exercise("elsewhere", "an ops on another function only", having(DYNAMIC))
def _elsewhere(rig: Rig) -> None:
    rig.ops("probe", on=OTHER)
    rig.call()
    rig.call(OTHER)


@exercise("regs", "one ops with SAVE_REGS", having(REGS))
def _regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS")
    rig.call()


@exercise("regs-shared", "a plain ops and one with SAVE_REGS", having(REGS))
def _regs_shared(rig: Rig) -> None:
    rig.ops("probe")
    rig.ops("kprobe", "SAVE_REGS")
    rig.call()


@exercise("every", "every function is traced, and calls another")
def _every(rig: Rig) -> None:
    rig.ops("probe", on="*")
    rig.call("kernel_read")
    rig.call("vfs_readv")


@exercise("every-regs", "the same with SAVE_REGS", having(REGS))
def _every_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", on="*")
    rig.call("kernel_read")
    rig.call("vfs_readv")


@exercise("gone", "two ops, of which one goes again", having(DYNAMIC))
def _gone(rig: Rig) -> None:
    rig.ops("probe")
    second = rig.ops("second", *(["SAVE_REGS"] if rig.variant.regs else []))
    rig.lab.unregister(second)
    rig.call()


@exercise("gone-plain", "an ops with SAVE_REGS and two without, of which one goes again", having(REGS))
def _gone_plain(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS")
    rig.ops("probe")
    second = rig.ops("second")
    rig.lab.unregister(second)
    rig.call()


@exercise("apart", "an ops on each of two functions", having(DYNAMIC))
def _apart(rig: Rig) -> None:
    rig.ops("probe")
    rig.ops("second", *(["SAVE_REGS"] if rig.variant.regs else []), on=OTHER)
    rig.call()
    rig.call(OTHER)
    rig.ops("third")
    rig.call()


@exercise("foreign-nop", "somebody else has changed a site that an ops wants", having(DYNAMIC))
def _foreign_nop(rig: Rig) -> None:
    rig.spoil(SPOILT)
    with suppress(FtraceError):
        rig.ops("probe", on=SPOILT)
    rig.call()


@exercise("foreign-call", "somebody else has changed a site that an ops gives up", having(DYNAMIC))
def _foreign_call(rig: Rig) -> None:
    probe = rig.ops("probe", on=SPOILT)
    rig.spoil(SPOILT)
    with suppress(FtraceError):
        rig.lab.unregister(probe)
    rig.call()


@exercise("moved", "an ops turns to another function, and everybody is switched off and on", having(DYNAMIC))
def _moved(rig: Rig) -> None:
    probe = rig.ops("probe")
    rig.call()
    rig.lab.set_filter(probe, OTHER, reset=True)
    rig.call()
    rig.lab.enabled = False
    rig.call(OTHER)
    rig.lab.enabled = True
    rig.call(OTHER)


@exercise("switched", "ftrace_enabled is set to 0, and to 1 again", having(DYNAMIC))
def _switched(rig: Rig) -> None:
    rig.ops("probe")
    rig.lab.enabled = False
    rig.call()
    rig.lab.enabled = True
    rig.call()


@exercise("unpatched", "the site as it was compiled, before boot has made a NOP of it", having(DYNAMIC))
def _unpatched(rig: Rig) -> None:
    rig.ops("probe", on=OTHER)
    rig.unpatch()
    rig.call()


@exercise("nested", "a callback calls another function, which is traced too")
def _nested(rig: Rig) -> None:
    rig.ops("probe", on="*", act=Rig.nest)
    rig.call()


@exercise("nested-regs", "the same with SAVE_REGS", having(REGS))
def _nested_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", on="*", act=Rig.nest)
    rig.call()


def stoppable(variant: Variant) -> bool:
    """Releases with function_trace_stop."""
    return releases.release(variant.release).has_trace_stop


@exercise("stopped", "function_trace_stop is set, for a while", stoppable)
def _stopped(rig: Rig) -> None:
    rig.ops("probe")
    _stop_and_go(rig)


@exercise("stopped-regs", "the same with SAVE_REGS, and then through the list function", _both(stoppable, having(REGS)))
def _stopped_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS")
    _stop_and_go(rig)
    rig.ops("probe")
    _stop_and_go(rig)


@exercise("stopped-graph", "the same with the graph tracer", _both(stoppable, having(GRAPH)))
def _stopped_graph(rig: Rig) -> None:
    rig.graph()
    _stop_and_go(rig)


def _stop_and_go(rig: Rig) -> None:
    rig.lab.stop = True
    rig.call()
    rig.lab.stop = False
    rig.call()


# -- callbacks that write ---------------------------------------------------------------------------------------------


@exercise("write", "a callback writes every register that ftrace_regs_caller loads back", having(REGS))
def _write(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", act=lambda rig: _write_all(rig, rig.variant.regs))
    rig.call()


@exercise("write-shared", "the same through the list function", having(REGS))
def _write_shared(rig: Rig) -> None:
    rig.ops("probe")
    rig.ops("kprobe", "SAVE_REGS", act=lambda rig: _write_all(rig, rig.variant.regs))
    rig.call()


@exercise("write-plain", "a callback writes every register that ftrace_caller loads back", plain_loads)
def _write_plain(rig: Rig) -> None:
    rig.ops("probe", act=lambda rig: _write_all(rig, rig.variant.plain))
    rig.call()


@exercise("write-one", "a callback writes one register, and the function goes on", having(REGS))
def _write_one(rig: Rig) -> None:
    members = list(rig.loaded(rig.variant.regs.honours if rig.variant.regs else ()))
    member = rig.numbers.choice([member for member in members if not rig.leads_to_frame(member)])
    rig.ops("kprobe", "SAVE_REGS", act=lambda rig: rig.write(member))
    rig.call()


@exercise("flags", "a callback turns every arithmetic flag over", having(REGS))
def _flags(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", act=Rig.toggle_flags if _loads_flags(rig) else None)
    rig.call()


def _loads_flags(rig: Rig) -> bool:
    members = {m.name for m in rig.arch.pt_regs.members if getattr(m.holds, "name", None) == rig.arch.abi.flags}
    return bool(rig.variant.regs and members & set(rig.variant.regs.honours))


def _write_all(rig: Rig, entry: Entry | None) -> None:
    """Write them, and send control away, because the function could not work with them."""
    for member in rig.loaded(entry.honours if entry else ()):
        rig.write(member)
    rig.redirect()


def _write_loaded(rig: Rig) -> None:
    """Write them, and let control go where it goes."""
    for member in rig.loaded(rig.variant.regs.honours if rig.variant.regs else ()):
        rig.write(member)


@exercise("ip", "a callback changes ip, with SAVE_REGS", having(REGS))
def _ip(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", act=Rig.redirect)
    rig.call()


@exercise("ip-shared", "the same through the list function", having(REGS))
def _ip_shared(rig: Rig) -> None:
    rig.ops("probe")
    rig.ops("kprobe", "SAVE_REGS", act=Rig.redirect)
    rig.call()


@exercise("ip-plain", "a callback changes ip without SAVE_REGS, as livepatch does", plain_loads)
def _ip_plain(rig: Rig) -> None:
    rig.ops("live", act=Rig.redirect)
    rig.call()


# -- direct calls -----------------------------------------------------------------------------------------------------


@exercise("direct", "a direct call alone", having(DIRECT))
def _direct(rig: Rig) -> None:
    rig.direct()
    rig.call()


@exercise("direct-shared", "a direct call beside an ops", having(DIRECT))
def _direct_shared(rig: Rig) -> None:
    rig.direct()
    rig.ops("probe")
    rig.call()


@exercise("direct-regs", "a direct call beside an ops with SAVE_REGS", having(DIRECT))
def _direct_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS")
    rig.direct()
    rig.call()


@exercise("direct-write", "a direct call beside an ops with SAVE_REGS that writes every register", having(DIRECT))
def _direct_write(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", act=_write_loaded)
    rig.direct()
    rig.call()


@exercise("direct-ip", "a direct trampoline that is code beside an ops that changes ip", having(DIRECT))
def _direct_ip(rig: Rig) -> None:
    rig.direct_code()
    rig.ops("kprobe", "SAVE_REGS", act=Rig.redirect)
    rig.call()


@exercise("direct-stub", "the direct trampoline of the kernel's own selftest", having(DIRECT))
def _direct_stub(rig: Rig) -> None:
    stub = rig.lab.image.symbols.get("ftrace_stub_direct_tramp")
    if stub is not None:
        rig.direct_to(stub)
        rig.call()
        rig.ops("probe")
        rig.call()


@exercise("direct-code", "direct trampolines that are code, alone and shared, to the real return", having(DIRECT))
def _direct_code(rig: Rig) -> None:
    rig.direct_code()
    rig.call()
    rig.ops("probe")
    rig.call()


@exercise("direct-modified", "a direct call is sent elsewhere, and then taken back", having(DIRECT))
def _direct_modified(rig: Rig) -> None:
    ops = FtraceOps("direct")
    rig.lab.set_filter(ops, FUNCTION)
    first, second = rig.lab.address("my_tramp1"), rig.target
    rig.lab.register_direct(ops, first)
    with suppress(FtraceError):
        rig.lab.modify_direct(ops, second)
    rig.expect_direct(second)
    rig.call()
    rig.lab.unregister_direct(ops, second)
    rig.expect_direct(0)
    rig.call()


@exercise("direct-by-name", "the same, by the address of the function", direct_by_address)
def _direct_by_name(rig: Rig) -> None:
    function, first, second = rig.lab.address(FUNCTION), rig.lab.address("my_tramp1"), rig.target
    rig.lab.register_direct(function, first)
    with suppress(FtraceError):
        rig.lab.modify_direct(function, first, second)
    rig.expect_direct(second)
    rig.call()
    rig.lab.unregister_direct(function, second)
    rig.expect_direct(0)
    rig.call()


# -- the graph tracer -------------------------------------------------------------------------------------------------


@exercise("graph", "the graph tracer alone, to the real returns", having(GRAPH))
def _graph(rig: Rig) -> None:
    rig.graph()
    rig.call("kernel_read")
    rig.call("vfs_readv")


@exercise("graph-refused", "the graph tracer says no to every function", having(GRAPH))
def _graph_refused(rig: Rig) -> None:
    rig.graph(wanted=False)
    rig.call("kernel_read")


@exercise("graph-ended", "the graph tracer has found something wrong, and ended itself", having(GRAPH))
def _graph_ended(rig: Rig) -> None:
    rig.graph()
    rig.lab.core.graph.stop()
    rig.call("kernel_read")


@exercise("graph-one", "the graph tracer and an ops", having(GRAPH))
def _graph_one(rig: Rig) -> None:
    rig.graph()
    rig.ops("probe", on="*")
    rig.call("kernel_read")
    rig.call("vfs_readv")


@exercise("graph-regs", "the graph tracer and an ops with SAVE_REGS", having(GRAPH, REGS))
def _graph_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", on="*")
    rig.graph()
    rig.call("kernel_read")
    rig.call("vfs_readv")


@exercise("graph-ip", "the graph tracer and an ops that changes ip", having(GRAPH, REGS))
def _graph_ip(rig: Rig) -> None:
    rig.graph()
    rig.ops("kprobe", "SAVE_REGS", on="*", act=Rig.redirect)
    rig.call()


@exercise("graph-off", "the graph tracer has gone again", having(GRAPH))
def _graph_off(rig: Rig) -> None:
    gops = rig.graph()
    rig.ops("probe")
    rig.lab.unregister_graph(gops)
    rig.call()


@exercise("graph-direct", "the graph tracer and a direct call of code", having(GRAPH, DIRECT))
def _graph_direct(rig: Rig) -> None:
    rig.graph()
    _direct_code(rig)

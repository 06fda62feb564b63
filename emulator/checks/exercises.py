# SPDX-License-Identifier: GPL-2.0-only
"""The exercises: every way into a trampoline and out of it that a variant has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.checks.rig import FUNCTION, OTHER, Rig
from emulator.core.ops import FtraceOps
from emulator.description import Ability, Entry, Variant


def always(_variant: Variant) -> bool:
    """Every variant has it."""
    return True


def having(*abilities: Ability) -> Callable[[Variant], bool]:
    """Variants with all these abilities."""
    return lambda variant: all(ability in variant.abilities for ability in abilities)


def plain_loads(variant: Variant) -> bool:
    """Variants whose ftrace_caller loads its record back (DYNAMIC_FTRACE_WITH_ARGS)."""
    return variant.plain.record is not None and bool(variant.plain.honours)


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


@exercise("stopped", "function_trace_stop is set", lambda variant: variant.release in ("3.6", "3.7"))
def _stopped(rig: Rig) -> None:
    rig.ops("probe", *(["SAVE_REGS"] if rig.variant.regs else []))
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


@exercise("direct-code", "direct trampolines that are code, alone and shared, to the real return", having(DIRECT))
def _direct_code(rig: Rig) -> None:
    ops = FtraceOps("direct")
    rig.lab.set_filter(ops, FUNCTION)
    rig.lab.implement("my_direct_func1", lambda: None)
    rig.lab.register_direct(ops, rig.lab.address("my_tramp1"))
    rig.call()
    rig.ops("probe")
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

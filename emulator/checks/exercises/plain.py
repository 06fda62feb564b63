# SPDX-License-Identifier: GPL-2.0-only
"""Exercises whose callbacks leave their record alone."""

from __future__ import annotations

from contextlib import suppress

from emulator.checks.exercise import DYNAMIC, GRAPH, REGS, both, exercise, having
from emulator.checks.rig import OTHER, SPOILT, Rig
from emulator.core import releases
from emulator.description import Variant
from emulator.errors import FtraceError


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


@exercise("stopped-regs", "the same with SAVE_REGS, and then through the list function", both(stoppable, having(REGS)))
def _stopped_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS")
    _stop_and_go(rig)
    rig.ops("probe")
    _stop_and_go(rig)


@exercise("stopped-graph", "the same with the graph tracer", both(stoppable, having(GRAPH)))
def _stopped_graph(rig: Rig) -> None:
    rig.graph()
    _stop_and_go(rig)


def _stop_and_go(rig: Rig) -> None:
    rig.lab.stop = True
    rig.call()
    rig.lab.stop = False
    rig.call()

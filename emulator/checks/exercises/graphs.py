# SPDX-License-Identifier: GPL-2.0-only
"""Exercises with the graph tracer."""

from __future__ import annotations

from emulator.checks.exercise import DIRECT, GRAPH, REGS, exercise, having
from emulator.checks.rig import Rig


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
    rig.direct_code()
    rig.call()
    rig.ops("probe")
    rig.call()

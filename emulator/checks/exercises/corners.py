# SPDX-License-Identifier: GPL-2.0-only
"""Exercises in which it is values that matter: sums that carry from byte to byte, zeros, half-way variables."""

from __future__ import annotations

from emulator.checks.exercise import DIRECT, DYNAMIC, GRAPH, REGS, exercise, having
from emulator.checks.rig import OTHER, Rig
from emulator.core.choice import set_trace_function
from emulator.core.graph import ENTRY_STUB, RETURN_STUB
from emulator.core.ops import FtraceOps
from emulator.description import Ability, Variant

DEEP, LEVELS = "device_is_dependent", 17
"""A function that calls itself, so often that sp has had every lowest byte that it can have."""
UNALIGNED = "schedule"
"""A function that stands at any address, where the architecture allows that."""
WIDE = 1 << 24
"""A number whose lowest bytes are 0, in an int."""


@exercise("deep", "a function that calls itself, with an ops")
def _deep(rig: Rig) -> None:
    rig.ops("probe", on=DEEP)
    rig.call(DEEP, LEVELS)


@exercise("deep-regs", "the same with SAVE_REGS", having(REGS))
def _deep_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", on=DEEP)
    rig.call(DEEP, LEVELS)


@exercise("graph-deep", "the same with the graph tracer", having(GRAPH))
def _deep_graph(rig: Rig) -> None:
    rig.graph([DEEP] if rig.lab.core.dynamic else ())
    rig.call(DEEP, LEVELS)


@exercise("graph-regs-deep", "the same with the graph tracer and SAVE_REGS", having(GRAPH, REGS))
def _deep_graph_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", on=DEEP)
    _deep_graph(rig)


@exercise("direct-deep", "the same with a direct call of code beside an ops", having(DIRECT))
def _deep_direct(rig: Rig) -> None:
    ops = FtraceOps("direct")
    rig.lab.set_filter(ops, DEEP)
    rig.lab.implement("my_direct_func1", lambda: None)
    rig.lab.register_direct(ops, rig.lab.address("my_tramp1"))
    rig.ops("probe", on=DEEP)
    rig.call(DEEP, LEVELS)
    rig.lab.runner.lower(rig.arch.abi.kernel_stack_align)
    rig.call(DEEP, LEVELS)


@exercise("unaligned", "a function that is not aligned, with an ops")
def _unaligned(rig: Rig) -> None:
    rig.ops("probe", on=UNALIGNED)
    rig.call(UNALIGNED)


@exercise("unaligned-regs", "the same with SAVE_REGS", having(REGS))
def _unaligned_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", on=UNALIGNED)
    rig.call(UNALIGNED)


@exercise("graph-unaligned", "the same with the graph tracer", having(GRAPH))
def _graph_unaligned(rig: Rig) -> None:
    rig.graph()
    rig.call(UNALIGNED)


@exercise(
    "direct-zeros",
    "a direct call beside an ops, with 0 in all registers and in the address's last byte",
    having(DIRECT),
)
def _direct_zeros(rig: Rig) -> None:
    rig.lab.runner.blank()
    while rig.target & 0xFF:
        rig.another_target()
    rig.fullest("kprobe")
    rig.direct()
    rig.call()


def _static_graph(variant: Variant) -> bool:
    return GRAPH in variant.abilities and DYNAMIC not in variant.abilities


@exercise("graph-half", "one CPU sees the variables of the graph tracer half changed by another", _static_graph)
def _graph_half(rig: Rig) -> None:
    patcher, memory = rig.lab.patcher, rig.lab.image.memory
    rig.graph()
    set_trace_function(rig.lab.core, rig.lab.address("ftrace_stub"))  # which comes last, behind the other two
    rig.call("kernel_read")
    for name, stub in (("ftrace_graph_return", RETURN_STUB), ("ftrace_graph_entry", ENTRY_STUB)):
        whole = memory.read_word(rig.lab.address(name))
        patcher.set_variable(name, patcher.function(stub))
        rig.call("kernel_read")
        patcher.set_variable(name, whole)


@exercise("stopped-wide", "function_trace_stop is not 1", having(Ability.FUNCTION_TRACE_MCOUNT_TEST))
def _stopped_wide(rig: Rig) -> None:
    rig.ops("probe")
    if rig.variant.regs:
        rig.ops("kprobe", "SAVE_REGS", on=OTHER)
    rig.lab.stop = True
    rig.lab.patcher.set_variable("function_trace_stop", WIDE)
    rig.call()
    rig.call(OTHER)

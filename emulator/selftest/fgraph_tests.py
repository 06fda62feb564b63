# SPDX-License-Identifier: GPL-2.0-only
"""tools/testing/selftests/ftrace/test.d/ftrace/fgraph-*.tc: filters, instances and return values of the graph tracer.

What they do by files of tracefs is done by the calls behind those; what they say where they fail is said here too.
"""

from __future__ import annotations

import errno

from emulator.description import Ability
from emulator.lab import Lab
from emulator.selftest.case import Case, Expected, Kernel, expect
from emulator.selftest.probes import GraphProbe, Probe, call, call_all

SOURCE = "tools/testing/selftests/ftrace/test.d/ftrace"


def fgraph_filter(lab: Lab) -> None:
    """With schedule for a filter nothing else is found, and schedule is."""
    probe = GraphProbe(lab)
    probe.filter("schedule")
    probe.start()
    call_all(lab)
    _only_schedule(probe, "by itself")
    probe.stop()


def _only_schedule(probe: GraphProbe, when: str) -> None:
    foreign = set(probe.seen) - {"schedule"}
    expect(not foreign, f"Graph filtering not working {when}?")
    expect(probe.seen, "No schedule traces found?")


def fgraph_filter_stack(lab: Lab) -> None:
    """The same while an ops traces everything, and when it has gone."""
    probe = GraphProbe(lab)
    probe.filter("schedule")
    probe.start()
    stack = Probe(lab, "stack_tracer").start()
    call_all(lab)
    _only_schedule(probe, "with stack tracer")
    stack.stop()
    probe.seen.clear()
    call_all(lab)
    _only_schedule(probe, "after stack tracer disabled")


def fgraph_filter_stack_fails(kernel: Kernel) -> Expected | None:
    """3.x looks at no filter."""
    if kernel.release.graph_tests_hash:
        return None
    reason = "3.x never asks whether the graph tracer wants a function that another ops has enabled"
    return Expected("Graph filtering not working with stack tracer?", reason)


MULTI = {"*sched*": "sched", "*read*": "read", "*write*": "write"}
"""Globs of three instances, and what their functions have in their names."""


def fgraph_multi(lab: Lab) -> None:
    """Three instances with filters of their own see nothing of each other; a fourth sees everything."""
    probes = {glob: GraphProbe(lab, f"instance{number}") for number, glob in enumerate(MULTI)}
    for glob, probe in probes.items():
        probe.filter(glob)
        probe.start()
        call_all(lab)
        _expect_own(probe, MULTI[glob])
    everything = GraphProbe(lab, "instance3").start()
    call_all(lab)
    expect(everything.seen, "No traces found with all tracing?")
    for glob, probe in probes.items():
        _expect_own(probe, MULTI[glob])


def _expect_own(probe: GraphProbe, part: str) -> None:
    expect(all(part in name for name in probe.seen), f"Graph filtering not working by itself against {part}?")
    expect(probe.seen, f"No traces found with {part}?")


def one_user(kernel: Kernel) -> str | None:
    """Instances have a graph tracer of their own since 6.12."""
    return None if kernel.release.graph_users > 1 else f"{kernel.release.name} has one user of the graph tracer at most"


def fgraph_retval(lab: Lab) -> None:
    """What a failing function returns can be read, as a number and in hexadecimal digits."""
    probe = GraphProbe(lab)
    probe.filter("proc_reg_write")
    probe.start()
    call(lab, "proc_reg_write")
    expect(probe.returns, "proc_reg_write: no return was seen")
    retval, bits = probe.returns[0].retval or 0, 8 * lab.arch.word
    signed = retval - (1 << bits) if retval >> (bits - 1) else retval
    expect(signed == -errno.EIO, f"Return value can not be printed in signed decimal format ({signed})")
    expect(f"{retval:x}".endswith("fffffffb"), f"Return value can not be printed in hexadecimal format ({retval:x})")


# -- the cases ---------------------------------------------------------------------------------------------------------

GRAPH = Ability.DYNAMIC_FTRACE | Ability.FUNCTION_GRAPH_TRACER

CASES = (
    Case(name="fgraph-filter", title="fgraph-filter.tc", source=SOURCE, run=fgraph_filter, needs=GRAPH),
    Case(
        name="fgraph-filter-stack",
        title="fgraph-filter-stack.tc",
        source=SOURCE,
        run=fgraph_filter_stack,
        needs=GRAPH,
        fails=fgraph_filter_stack_fails,
    ),
    Case(
        name="fgraph-multi",
        title="fgraph-multi.tc",
        source=SOURCE,
        run=fgraph_multi,
        needs=GRAPH,
        lacks=one_user,
    ),
    Case(
        name="fgraph-retval",
        title="fgraph-retval.tc",
        source=SOURCE,
        run=fgraph_retval,
        needs=GRAPH | Ability.FUNCTION_GRAPH_RETVAL,
    ),
)

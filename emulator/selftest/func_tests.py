# SPDX-License-Identifier: GPL-2.0-only
"""tools/testing/selftests/ftrace/test.d/ftrace/func*.tc: the filters of the function tracer.

What they do by files of tracefs is done by the calls behind those; what they say where they fail is said here too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from emulator.description import Ability
from emulator.lab import Lab
from emulator.selftest.case import Case, Kernel, expect, same
from emulator.selftest.fgraph_tests import SOURCE, one_user
from emulator.selftest.probes import GraphProbe, Tracer, call_all

GLOBS = {"*read": "^.*read$", "*read*": "^.*read.*$", "vfs*": "^vfs.*$", "*func*": "^.*func.*$"}
"""Front, middle and end match, as the kernel's test has them, with the expression that it greps for."""
FULL_GLOBS = {
    "*s_*ad": "^.*s_.*ad$",
    "vfs*ea*": "^vfs.*ea.*$",
    "sch*ule": "^sch.*ule$",
    "[Vv]f[Ss]_*": "^[Vv]f[Ss]_.*$",
    "sch?dule": "^sch.dule$",
}


def func_filter_glob(lab: Lab, globs: Mapping[str, str]) -> None:
    """A glob selects the functions that grep finds, and those are traced."""
    tracer = Tracer(lab).start()
    for glob, expression in globs.items():
        tracer.filter(glob)
        _expect_filtered(lab, tracer, glob, {name for name in lab.functions if re.search(expression, name)})


def _expect_filtered(lab: Lab, tracer: Tracer, what: str, expected: set[str]) -> None:
    """The filter's own list, and what is traced, in calls of everything."""
    everything = "#### all functions enabled ####"
    same(f"{what}: set_ftrace_filter", _shown(tracer.filtered) or everything, _shown(expected) or everything)
    tracer.seen.clear()
    call_all(lab)
    same(f"{what}: traced", _shown(tracer.seen) or "nothing", _shown(expected or lab.functions))


def _shown(functions: Iterable[str]) -> str:
    return ", ".join(sorted(set(functions)))


def no_full_globs(kernel: Kernel) -> str | None:
    """The kernel's test asks the README of tracefs for that."""
    return None if kernel.release.full_globs else f"{kernel.release.name} has no full glob matching"


def func_set_ftrace_file(lab: Lab) -> None:
    """What is written, appended and taken away is what set_ftrace_filter shows; nothing means all functions."""
    tracer = Tracer(lab).start()
    _expect_filtered(lab, tracer, "at first", set())
    vfs = {name for name in lab.functions if name.startswith("vfs_")}
    steps: tuple[tuple[str | None, bool, set[str]], ...] = (
        ("schedule", True, {"schedule"}),
        ("vfs_read", False, {"schedule", "vfs_read"}),
        ("schedule", True, {"schedule"}),
        (None, True, set()),
        ("vfs_*", True, vfs),
        ("!*write", False, vfs - {"vfs_write"}),
        ("!vfs_*", False, set()),
        ("schedule", False, {"schedule"}),
    )
    for glob, reset, expected in steps:
        tracer.filter(glob, reset=reset)
        _expect_filtered(lab, tracer, f"{'>' if reset else '>>'} {glob or ''}".strip(), expected)


# -- pids --------------------------------------------------------------------------------------------------------------

CHILD = 1234


def func_filter_pid(lab: Lab, make: Callable[[Lab], Tracer | GraphProbe]) -> None:
    """Only the task whose pid is set is traced; with function-fork its child too."""
    probe, pid = make(lab), lab.current.pid
    lab.pids = {pid}
    probe.start()
    own, child = (_as_task(lab, probe, task) for task in (pid, CHILD))
    expect(own and not child, "PID filtering not working?")
    lab.pids = {pid, CHILD}
    own, child = (_as_task(lab, probe, task) for task in (pid, CHILD))
    expect(own and child, "PID filtering not following fork?")


def _as_task(lab: Lab, probe: Tracer | GraphProbe, pid: int) -> int:
    """How many calls were seen while that task ran."""
    probe.seen.clear()
    with _current(lab, pid):
        call_all(lab)
    return len(probe.seen)


@contextmanager
def _current(lab: Lab, pid: int) -> Iterator[None]:
    before, lab.current.pid = lab.current.pid, pid
    try:
        yield
    finally:
        lab.current.pid = before


# -- the cases ---------------------------------------------------------------------------------------------------------

DYNAMIC = Ability.DYNAMIC_FTRACE

CASES = (
    Case(
        name="func-filter-glob",
        title="func-filter-glob.tc",
        source=SOURCE,
        run=partial(func_filter_glob, globs=GLOBS),
        needs=DYNAMIC,
    ),
    Case(
        name="func-filter-full-glob",
        title="func-filter-glob.tc, full globs",
        source=SOURCE,
        run=partial(func_filter_glob, globs=FULL_GLOBS),
        needs=DYNAMIC,
        lacks=no_full_globs,
    ),
    Case(
        name="func-set-ftrace-file",
        title="func_set_ftrace_file.tc, without triggers",
        source=SOURCE,
        run=func_set_ftrace_file,
        needs=DYNAMIC,
    ),
    Case(
        name="func-filter-pid",
        title="func-filter-pid.tc, function",
        source=SOURCE,
        run=partial(func_filter_pid, make=Tracer),
        needs=DYNAMIC,
    ),
    Case(
        name="func-filter-pid-graph",
        title="func-filter-pid.tc, function_graph",
        source=SOURCE,
        run=partial(func_filter_pid, make=partial(GraphProbe, flags=("PID",))),
        needs=DYNAMIC | Ability.FUNCTION_GRAPH_TRACER,
        lacks=one_user,
    ),
)

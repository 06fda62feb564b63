# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests, run through emulated trampolines: a case a test, and a verdict for each."""

from __future__ import annotations

from emulator.selftest import (
    checks,
    direct_tests,
    fgraph_tests,
    func_tests,
    function,
    graph,
    graph_checks,
    livepatch,
    register_checks,
    samples,
)
from emulator.selftest.case import Case, Judged, Suite, Verdict, judge, run

CASES: tuple[Case, ...] = (
    *function.CASES,
    *graph.CASES,
    *samples.CASES,
    *direct_tests.CASES,
    *fgraph_tests.CASES,
    *func_tests.CASES,
    *livepatch.CASES,
    *checks.CASES,
    *register_checks.CASES,
    *graph_checks.CASES,
)
"""Every case, in the order in which they are run."""

__all__ = ["CASES", "Case", "Judged", "Suite", "Verdict", "judge", "run"]

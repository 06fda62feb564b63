# SPDX-License-Identifier: GPL-2.0-only
"""Known faults of the core (kernel/trace/ftrace.c), for the architectures whose code lets them show to declare."""

from __future__ import annotations

from emulator.description import Quirk

NO_CALLS_MEANWHILE = Quirk(
    "P4",
    "callbacks",
    "no callback runs while code is changed",
    "3.7 kernel/trace/ftrace.c ftrace_run_update_code(): function_trace_stop is raised meanwhile",
    "change-*",
)
"""Where tasks run meanwhile (not Poke.stopped), and up to 3.16."""


def stale_op(release: str) -> Quirk:
    """Where op is loaded from a variable that all ops share, some instructions before the call of its func."""
    return Quirk(
        "P3",
        "C3 op",
        "a task that has loaded op before ftrace_call is changed hands it to the new callback",
        f"{release} kernel/trace/ftrace.c ftrace_modify_all_code(): nobody waits for tasks within ftrace_caller",
        "change-second-gone",
    )

# SPDX-License-Identifier: GPL-2.0-only
"""Recursion protection: bits of current->trace_recursion, one for each guarded region.

Sources: include/linux/trace_recursion.h of 6.12; kernel/trace/trace.h of 3.7.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager

from emulator.core.release import Release
from emulator.core.task import Task


class Region(enum.Enum):
    """Who is guarded: (its one bit up to 5.9, its first bit of five since; None: not guarded in that era)."""

    LIST = 11, 5
    """The list function and the assist function: TRACE_INTERNAL_BIT, TRACE_LIST_START."""
    GLOBAL = 12, None
    CONTROL = 13, None
    FTRACE = None, 0
    """Callbacks that guard themselves (ftrace_test_recursion_trylock()), the graph tracer's entry among them."""


TRANSITION = 4
"""TRACE_CTX_TRANSITION: the bit behind those of the contexts."""


@contextmanager
def guard(task: Task, region: Region, release: Release) -> Iterator[bool]:
    """Enter a guarded region; the value says whether that was allowed. It is left again however the body ends.

    3.x refuses a second entry. Since 5.10 each context has a bit, and one more entry is let through: the kernel cannot
    tell an interrupt that has not raised its count yet from a recursion.
    """
    mask = _free_bit(task, region, release)
    task.trace_recursion |= mask
    try:
        yield bool(mask)
    finally:
        task.trace_recursion &= ~mask


def _free_bit(task: Task, region: Region, release: Release) -> int:
    """trace_test_and_set_recursion() as far as the choice of the bit, as a mask; 0 where none is free."""
    single, first = region.value
    if release.recursion_contexts:
        assert first is not None, region  # noqa: S101 - 6.x has no lists of its own for GLOBAL and CONTROL
        bits = [first + task.context, first + TRANSITION]
    else:
        assert single is not None, region  # noqa: S101 - callbacks of 3.x guard themselves by other means
        bits = [single]
    return next((1 << bit for bit in bits if not task.trace_recursion >> bit & 1), 0)

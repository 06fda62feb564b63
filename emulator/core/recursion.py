# SPDX-License-Identifier: GPL-2.0-only
"""Recursion protection of the list and assist functions.

Sources: include/linux/trace_recursion.h of 6.12; current->trace_recursion in kernel/trace/trace.h of 3.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from emulator.core.release import Release


class Recursion:
    """How deep the guarded functions are nested in the one context that is modelled, the normal one.

    3.x has one bit: a second entry is refused. Since 5.10 a transition bit lets one more through, because the
    kernel cannot tell an interrupt that has not yet raised its count from a recursion.
    """

    def __init__(self, release: Release) -> None:
        self.limit = 2 if release.transition_bit else 1
        self.depth = 0

    @contextmanager
    def enter(self) -> Iterator[bool]:
        """Enter the guarded region; the value says whether that was allowed. Left again however the body ends."""
        if self.depth >= self.limit:
            yield False
            return
        self.depth += 1
        try:
            yield True
        finally:
            self.depth -= 1

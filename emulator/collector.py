# SPDX-License-Identifier: GPL-2.0-only
"""The garbage collector of a process that makes kernels, each large, few of them in circles."""

from __future__ import annotations

import gc

GARBAGE = 200_000
"""How many objects it lets pass; with Python's own number a tenth of the time is spent looking at what is in use."""


def collect_rarely() -> None:
    """For processes of our own; who uses the library decides for himself."""
    gc.set_threshold(GARBAGE)

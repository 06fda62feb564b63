# SPDX-License-Identifier: GPL-2.0-only
"""bench: how fast calls are, side by side in one run."""

from __future__ import annotations

import argparse

from emulator import catalog
from emulator.bench import bench
from emulator.cli import GOOD, write
from emulator.errors import UsageError


def run(options: argparse.Namespace) -> int:
    """Measure, and print the table."""
    if options.rounds < 1:
        raise UsageError(f"--rounds {options.rounds}: at least one round is needed")
    archs = [catalog.find(options.arch)] if options.arch else [catalog.load(name) for name in catalog.names()]
    write(options, bench(archs, options.rounds))
    return GOOD

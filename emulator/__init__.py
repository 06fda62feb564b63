# SPDX-License-Identifier: GPL-2.0-only
"""A laboratory for the function tracer's trampolines: `Lab` is a fake kernel, `FtraceOps` a user of its tracer."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.core.fgraph_ops import FgraphOps
    from emulator.core.ops import FtraceOps
    from emulator.errors import EmulatorError, FtraceError, InputError, RunError, UsageError
    from emulator.lab import Lab
    from emulator.recording import Pointer, Recording

__all__ = [
    "EmulatorError",
    "FgraphOps",
    "FtraceError",
    "FtraceOps",
    "InputError",
    "Lab",
    "Pointer",
    "Recording",
    "RunError",
    "UsageError",
]

_HOMES = {
    "FgraphOps": "core.fgraph_ops",
    "FtraceOps": "core.ops",
    "Lab": "lab",
    "Pointer": "recording",
    "Recording": "recording",
}


def __getattr__(name: str) -> object:
    """Import on first use: the engines behind Lab take longer to load than the command line takes to start."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)

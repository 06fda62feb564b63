# SPDX-License-Identifier: GPL-2.0-only
"""A laboratory for the function tracer's trampolines: `Lab` is a fake kernel, `FtraceOps` a user of its tracer."""

from emulator.core.ops import FtraceOps
from emulator.errors import EmulatorError, FtraceError, InputError, RunError, UsageError
from emulator.lab import Lab
from emulator.recording import Pointer, Recording

__all__ = [
    "EmulatorError",
    "FtraceError",
    "FtraceOps",
    "InputError",
    "Lab",
    "Pointer",
    "Recording",
    "RunError",
    "UsageError",
]

# SPDX-License-Identifier: GPL-2.0-only
"""The exercises: every way into a trampoline and out of it that a variant has."""

from importlib import import_module

from emulator.checks.exercise import EXERCISES, Exercise, named

__all__ = ["EXERCISES", "Exercise", "named"]

for kind in ("plain", "writing", "direct", "graphs", "corners", "transitions"):  # in this order they are done
    import_module(f"{__name__}.{kind}")

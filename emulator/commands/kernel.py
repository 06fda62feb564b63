# SPDX-License-Identifier: GPL-2.0-only
"""The kernel that a debugger looks at: what the options name, with its users registered and nothing called yet."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from emulator.commands.choose import Chosen
from emulator.description import Ability, Variant
from emulator.errors import UnknownName
from emulator.lab import Lab
from emulator.placement import placement
from emulator.play import stage
from emulator.scenario import OpsSpec, Scenario, story


class Kernel(NamedTuple):
    """A lab, the traced function that is to be called, and how to make such a lab again."""

    lab: Lab
    function: str
    again: Callable[[], Lab]


def kernel(options: argparse.Namespace) -> Kernel:
    """It. Raises UnknownName, UsageError, InputError; FtraceError where the kernel refuses a user."""
    chosen = Chosen(options)
    arch = chosen.arch
    variant = chosen.variant(arch)
    (subject,) = chosen.load(arch, [variant])
    functions = [name for _, name in placement(subject).sites]
    function = options.function or functions[0]
    if function not in functions:
        raise UnknownName("function", function, functions)
    scenario = _scenario(options, variant, function)
    again = partial(stage, subject, scenario, options.seed)
    return Kernel(again(), function, again)


def _scenario(options: argparse.Namespace, variant: Variant, function: str) -> Scenario:
    """What the user wants registered; else the richest record that one ops gets."""
    if options.ops:
        return Scenario("ops", "the ops given", tuple(map(OpsSpec.parse, options.ops)), graph=options.graph)
    wanted = "kprobe" if Ability.DYNAMIC_FTRACE_WITH_REGS in variant.abilities else "probe"
    (usual,) = [scenario for scenario in story(variant, function, function) if scenario.name == wanted]
    return Scenario(usual.name, usual.title, usual.ops, graph=options.graph)

# SPDX-License-Identifier: GPL-2.0-only
"""What an exercise is: what is registered, what callbacks do, and what is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.checks.rig import Rig
from emulator.description import Ability, Variant
from emulator.errors import UnknownName


def always(_variant: Variant) -> bool:
    """Every variant has it."""
    return True


def having(*abilities: Ability) -> Callable[[Variant], bool]:
    """Variants with all these abilities."""
    return lambda variant: all(ability in variant.abilities for ability in abilities)


def both(one: Callable[[Variant], bool], other: Callable[[Variant], bool]) -> Callable[[Variant], bool]:
    """Variants that are both."""
    return lambda variant: one(variant) and other(variant)


@dataclass(frozen=True, slots=True)
class Exercise:
    """What is registered, what callbacks do, and what is called."""

    name: str
    title: str
    run: Callable[[Rig], None]
    possible: Callable[[Variant], bool] = always


EXERCISES: dict[str, Exercise] = {}

DYNAMIC, REGS = Ability.DYNAMIC_FTRACE, Ability.DYNAMIC_FTRACE_WITH_REGS
GRAPH, DIRECT = Ability.FUNCTION_GRAPH_TRACER, Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS


def exercise(
    name: str, title: str, possible: Callable[[Variant], bool] = always
) -> Callable[[Callable[[Rig], None]], Callable[[Rig], None]]:
    """Declare one."""

    def declare(run: Callable[[Rig], None]) -> Callable[[Rig], None]:
        enter(Exercise(name, title, run, possible))
        return run

    return declare


def enter(exercise: Exercise) -> None:
    """Raises ValueError for a second one of that name."""
    if exercise.name in EXERCISES:
        raise ValueError(f"exercise {exercise.name} is declared twice")
    EXERCISES[exercise.name] = exercise


def named(name: str) -> Exercise:
    """The exercise called `name`; the command line's word for it is scenario. Raises UnknownName."""
    try:
        return EXERCISES[name]
    except KeyError:
        raise UnknownName("scenario", name, EXERCISES) from None

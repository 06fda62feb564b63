# SPDX-License-Identifier: GPL-2.0-only
"""Many subjects and seeds, judged in one process or in several; the outcome does not depend on how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emulator import workers
from emulator.behaviour import behaviour
from emulator.checks.account import Account, account, unresolved
from emulator.checks.exercises import EXERCISES, Exercise
from emulator.checks.judge import judge
from emulator.errors import InputError
from emulator.subject import Subject

SHARE = 8
"""Seeds of one subject that are judged together: few enough for progress, many enough to be worth sending."""


class Order(NamedTuple):
    """A subject and what to do with it, in a form that can be sent to another process."""

    subject: Subject
    seeds: tuple[int, ...]
    exercises: tuple[str, ...]
    describe: bool = False
    """Whether its behaviour is wanted too."""


def orders(
    subject: Subject,
    seeds: Sequence[int],
    exercises: Sequence[Exercise] = (),
    *,
    describe: bool = False,
    share: int = SHARE,
) -> list[Order]:
    """A subject's work, in the order of the seeds; the first of them tells of its behaviour, if that is wanted.

    Interrupts and changes of code come with the first seed of each share.
    """
    names = tuple(exercise.name for exercise in exercises)
    shares = [tuple(seeds[start : start + share]) for start in range(0, len(seeds), share)]
    first = Order(subject, shares[0], names, describe)
    return [first, *(first._replace(seeds=share, describe=False) for share in shares[1:])]


def perform(order: Order) -> Account:
    """Judge; a subject of which no kernel can be made is unresolved as a whole."""
    subject = order.subject
    try:
        judged = account(judge(subject, order.seeds, exercises=[EXERCISES[name] for name in order.exercises]))
        judged.behaviour = behaviour(subject) if order.describe else None
    except InputError as error:
        return Account(unresolved={"": unresolved(subject, "", error)})
    return judged


def run(work: Sequence[Order], jobs: int) -> Iterator[Account]:
    """The accounts, in the order of the work. Raises RunError where a process dies."""
    return workers.mapped(perform, work, jobs)

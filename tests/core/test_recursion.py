# SPDX-License-Identifier: GPL-2.0-only
"""How often a guarded region may be within itself: one bit in 3.x, a bit a context and one for transitions later."""

from __future__ import annotations

import pytest

from emulator.core.recursion import Region, guard
from emulator.core.release import Release
from emulator.core.releases import RELEASES
from emulator.core.task import Context, Task

OLD, NEW = ["3.6", "3.7"], ["6.1", "6.12"]
REGIONS = [(name, region) for name in OLD for region in (Region.LIST, Region.GLOBAL, Region.CONTROL)] + [
    (name, region) for name in NEW for region in (Region.LIST, Region.FTRACE)
]


def bits(task: Task, region: Region, release: Release) -> list[int]:
    """The bits that nested entries take, until one is refused."""
    before = task.trace_recursion
    with guard(task, region, release) as entered:
        if not entered:
            assert task.trace_recursion == before
            return []
        return [(task.trace_recursion ^ before).bit_length() - 1, *bits(task, region, release)]


@pytest.mark.parametrize("release", OLD)
@pytest.mark.parametrize(("region", "bit"), [(Region.LIST, 11), (Region.GLOBAL, 12), (Region.CONTROL, 13)])
def test_3_x_has_one_bit_for_each_region_whatever_the_context(release: str, region: Region, bit: int) -> None:
    for context in Context:
        task = Task()
        task.context = context
        assert bits(task, region, RELEASES[release]) == [bit]


@pytest.mark.parametrize("release", NEW)
@pytest.mark.parametrize(("region", "first"), [(Region.FTRACE, 0), (Region.LIST, 5)])
@pytest.mark.parametrize(("context", "bit"), [("NMI", 0), ("IRQ", 1), ("SOFTIRQ", 2), ("NORMAL", 3)])
def test_later_a_context_has_its_bit_and_shares_that_of_transitions(
    release: str, region: Region, first: int, context: str, bit: int
) -> None:
    task = Task()
    task.context = Context[context]
    assert bits(task, region, RELEASES[release]) == [first + bit, first + 4]


@pytest.mark.parametrize("release", NEW)
def test_each_context_gets_in_and_all_of_them_once_more_between_them(release: str) -> None:
    """An interrupt in an interrupt: none of them waits for another, and one recursion is let through in all."""
    task, entered = Task(), []

    def interrupt(contexts: list[Context]) -> None:
        with guard(task, Region.LIST, RELEASES[release]) as allowed:
            entered.append(allowed)
            if contexts:
                task.context = contexts[0]
                interrupt(contexts[1:])

    interrupt([Context.SOFTIRQ, Context.IRQ, Context.NMI, Context.NMI, Context.NMI])
    assert entered == [True, True, True, True, True, False]
    assert task.trace_recursion == 0


@pytest.mark.parametrize(("release", "region"), REGIONS)
def test_it_is_left_as_it_was_entered(release: str, region: Region) -> None:
    task = Task()
    first = bits(task, region, RELEASES[release])
    assert task.trace_recursion == 0
    assert bits(task, region, RELEASES[release]) == first


def raise_within(task: Task, region: Region, release: Release) -> None:
    with guard(task, region, release) as entered:
        assert entered
        raise ZeroDivisionError


@pytest.mark.parametrize(("release", "region"), REGIONS)
def test_it_is_left_however_the_body_ends(release: str, region: Region) -> None:
    task = Task()
    with pytest.raises(ZeroDivisionError):
        raise_within(task, region, RELEASES[release])
    assert task.trace_recursion == 0


@pytest.mark.parametrize(("release", "region"), REGIONS)
def test_a_region_that_is_refused_takes_no_bit_of_another(release: str, region: Region) -> None:
    task = Task()
    task.trace_recursion = every = (1 << 16) - 1
    with guard(task, region, RELEASES[release]) as entered:
        assert not entered
    assert task.trace_recursion == every


@pytest.mark.parametrize("release", NEW)
def test_regions_do_not_hinder_each_other(release: str) -> None:
    task = Task()
    with guard(task, Region.LIST, RELEASES[release]), guard(task, Region.LIST, RELEASES[release]):
        assert bits(task, Region.FTRACE, RELEASES[release]) == [3, 4]
        assert bits(task, Region.LIST, RELEASES[release]) == []

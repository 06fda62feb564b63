# SPDX-License-Identifier: GPL-2.0-only
"""A slice of every campaign: whoever is not listed is caught, whoever is listed survives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from emulator import catalog
from emulator.errors import Place as Position
from emulator.mutants import campaign, survivors
from emulator.mutants.campaign import Plan
from emulator.mutants.field import Operator
from emulator.mutants.operators import Mutant, mutants
from emulator.mutants.survivors import UNREACHED, Known
from emulator.mutants.trial import REFUSED, UNRESOLVED, Fate, trial
from emulator.subject import Subject

Own = Callable[[str, str], Subject]
EVERY = [(name, variant.name) for name in catalog.names() for variant in catalog.load(name).variants]
SLICE, LISTED = 20, 2
"""How many mutants of each variant are judged, and how many of those that are listed; `make mutants` judges all."""


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_of_a_slice_nobody_survives_but_who_is_listed(own: Own, arch: str, variant: str) -> None:
    subject = own(arch, variant)
    plan = Plan(subject, survivors.known(subject.arch))
    listed = [mutant for mutant in plan.chosen if plan.line(mutant)]
    plan.chosen = [*some(plan.chosen, SLICE), *some(listed, LISTED)]
    made = plan.campaign(fate for share in campaign.run([plan], 1) for fate in share)
    assert [str(item.mutant) for item in made.unexplained] == []
    assert [f"{known.position}: {mutant}" for known, mutant in made.outdated] == []
    assert [f"{place.where}: {place.text}" for place, known in made.unreached if known is None] == []
    assert made.good


def some(mutants: Sequence[Mutant], count: int) -> list[Mutant]:
    """Always the same ones."""
    return Random("slice").sample(mutants, min(count, len(mutants)))


# -- what a campaign says of given fates -------------------------------------------------------------------------------


@pytest.fixture
def plan(own: Own) -> Plan:
    return Plan(own("arm", "3.7"), [], sample=8)


def everything(plan: Plan, variants: str = "*") -> Known:
    """A line that covers the first chosen mutant."""
    mutant = plan.chosen[0]
    return Known(
        variants,
        mutant.place.where,
        mutant.operator.value,
        f"{mutant.place.text} -> {mutant.text}",
        "because",
        Path(mutant.place.file).name,
        Position("own.survivors", 1),
    )


def test_a_survivor_that_nobody_knows_is_bad(plan: Plan) -> None:
    made = plan.campaign([Fate(), *[Fate("T1")] * 7])
    assert [item.mutant for item in made.unexplained] == [plan.chosen[0]]
    assert not made.good


def test_one_that_a_line_knows_is_not(own: Own, plan: Plan) -> None:
    knowing = Plan(own("arm", "3.7"), [everything(plan)], sample=8)
    made = knowing.campaign([Fate(), *[Fate("T1")] * 7])
    assert made.good
    assert made.used == {everything(plan)}


def test_a_line_about_a_mutant_that_is_caught_is_bad(own: Own, plan: Plan) -> None:
    knowing = Plan(own("arm", "3.7"), [everything(plan)], sample=8)
    made = knowing.campaign([Fate("T1")] * 8)
    assert [mutant for _, mutant in made.outdated] == [plan.chosen[0]]
    assert not made.good


def test_a_line_that_explains_nothing_is_found_when_all_are_judged(own: Own, plan: Plan) -> None:
    whole = Plan(own("arm", "3.7"), [])
    made = whole.campaign([Fate("T1")] * len(whole.chosen))
    idle, elsewhere = everything(plan, variants="3.7"), everything(plan, variants="3.6*")
    assert campaign.unused([idle, elsewhere], [made]) == [idle]
    assert campaign.unused([idle], [replace(made, judged=made.judged[:-1])]) == []


def test_a_sample_is_the_seeds_and_in_order(own: Own) -> None:
    first, again, other = (Plan(own("arm", "3.7"), [], seed, 20).chosen for seed in (1, 1, 2))
    assert first == again != other
    assert [item.place.address for item in first] == sorted(item.place.address for item in first)


# -- fates -------------------------------------------------------------------------------------------------------------


def fate(subject: Subject, where: str, operator: Operator, number: int = 0) -> Fate:
    found = [item for item in mutants(subject) if item.place.where == where and item.operator is operator]
    return trial(subject, 1).fate(found[number])


def test_what_the_kernel_will_not_work_with_is_refused(own: Own) -> None:
    assert fate(own("arm", "6.12"), "ftrace_caller+0x20", Operator.DROP).caught == REFUSED


def test_a_lost_register_is_told_by_its_clause(own: Own) -> None:
    assert fate(own("arm", "6.12"), "ftrace_caller+0x28", Operator.DROP).caught == "T2"
    assert fate(own("x86_64", "6.12"), "ftrace_regs_caller+0x7f", Operator.DROP).caught == "C5"


def test_a_fault_of_the_release_has_to_be_there(own: Own) -> None:
    gone = fate(own("arm", "6.12-static"), "ftrace_graph_caller+0x18", Operator.DROP)
    assert (gone.caught, "is gone" in gone.what) == ("G1", True)


def test_whatever_a_mutant_does_a_campaign_goes_on(own: Own) -> None:
    """Some that never come back, or jump to nowhere, or make the kernel stumble."""
    subject = own("x86_64", "3.6")
    ways = trial(subject, 1)
    wild = [item for item in mutants(subject) if item.operator in (Operator.BRANCH, Operator.EXCHANGE)]
    assert not any("internal error" in ways.fate(item).what for item in wild[::4])


def test_a_fault_of_ours_is_no_end_of_it(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours")

    ways = trial(own("arm", "3.7"), 1)
    monkeypatch.setattr("emulator.mutants.trial.judge", fail)
    told = ways.fate(next(item for item in mutants(own("arm", "3.7")) if item.place.address in ways.reached))
    assert told == Fate(what="internal error: ZeroDivisionError: ours")


def test_unresolved_is_a_word_of_its_own() -> None:
    assert len({REFUSED, UNRESOLVED, UNREACHED}) == 3

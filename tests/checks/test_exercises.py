# SPDX-License-Identifier: GPL-2.0-only
"""The exercises: each can be done somewhere, and together they take every way in and out that a variant has."""

from __future__ import annotations

from functools import cache

import pytest

from emulator import catalog
from emulator.checks.exercise import enter
from emulator.checks.exercises import EXERCISES, named
from emulator.checks.passage import Passage
from emulator.checks.rig import Rig
from emulator.description import Ability, Return
from emulator.errors import FtraceError, UnknownName
from emulator.subject import Subject, load

VARIANTS = [(name, variant.name) for name in catalog.names() for variant in catalog.load(name).variants]


@cache
def subjects(arch: str) -> dict[str, Subject]:
    declared = catalog.load(arch)
    return {each.variant.name: each for each in load(declared, declared.variants)}


@cache
def passages(arch: str, variant: str) -> tuple[Passage, ...]:
    """Everything that all exercises pass through."""
    found: list[Passage] = []
    for exercise in EXERCISES.values():
        if exercise.possible(subjects(arch)[variant].variant):
            rig = Rig(subjects(arch)[variant], 5)
            try:
                exercise.run(rig)
            except FtraceError:
                assert variant == "6.12-static", "refused"
            found += [Passage(recording, hit) for recording in rig.recordings for hit in recording.hits]
    return tuple(found)


@pytest.mark.parametrize("name", EXERCISES)
def test_each_can_be_done_somewhere_and_says_what_it_is(name: str) -> None:
    exercise = named(name)
    possible = [pair for pair in VARIANTS if exercise.possible(subjects(pair[0])[pair[1]].variant)]
    assert possible
    assert exercise.title
    assert exercise.name == name
    arch, variant = possible[-1] if possible[-1] != ("arm", "6.12-static") else possible[0]
    rig = Rig(subjects(arch)[variant], 5)
    exercise.run(rig)
    assert rig.recordings or name == "direct-stub"


def test_an_unknown_one_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="graph-regs"):
        named("graph-reg")


def test_a_name_is_declared_once() -> None:
    with pytest.raises(ValueError, match="exercise one is declared twice"):
        enter(EXERCISES["one"])


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_entry_is_taken(arch: str, variant: str) -> None:
    item = subjects(arch)[variant].variant
    entries = {entry.symbol for entry in item.entries}
    assert {passage.entry.symbol for passage in passages(arch, variant) if passage.entry} == entries


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_way_out_is_taken(arch: str, variant: str) -> None:
    item, seen = subjects(arch)[variant].variant, passages(arch, variant)
    abilities = item.abilities
    assert any(passage.hit.landing and passage.entry for passage in seen), "normal"
    if Ability.DYNAMIC_FTRACE in abilities:
        assert any(not passage.hit.target for passage in seen), "disabled"
        assert any(passage.unpatched for passage in seen) == bool(item.site.mcount), "as compiled"
    if any(isinstance(member.holds, Return) and item.regs and member.name in item.regs.honours
           for member in subjects(arch)[variant].arch.pt_regs.members):  # fmt: skip
        assert any(passage.destination != passage.after and passage.landed for passage in seen), "ip changed"
        assert any(len(passage.changed) == 1 and passage.destination == passage.after for passage in seen), "one member"
    if Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in abilities:
        assert any(passage.called_directly and passage.entry for passage in seen), "direct, through a trampoline"
        assert any(passage.called_directly and not passage.entry for passage in seen), "direct, from the site"
        assert any(passage.called_directly and passage.changed for passage in seen), "direct, registers changed"
    if subjects(arch)[variant].variant.release.startswith("3"):
        assert any(passage.expected.stopped and passage.landed for passage in seen), "stopped"


@pytest.mark.parametrize(("arch", "variant"), [pair for pair in VARIANTS if "static" not in pair[1]])
def test_the_graph_tracer_is_met_with_callbacks_and_without(arch: str, variant: str) -> None:
    hooked = [passage for passage in passages(arch, variant) if passage.graph_calls]
    assert any(passage.calls for passage in hooked)
    assert any(not passage.calls for passage in hooked)
    assert any(passage.took_return for passage in hooked)
    assert any(not passage.took_return for passage in hooked), "its user says no"
    assert any(passage.recording.returns for passage in hooked)


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_callbacks_call_functions(arch: str, variant: str) -> None:
    assert any(passage.recording.nested for passage in passages(arch, variant))

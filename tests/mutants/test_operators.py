# SPDX-License-Identifier: GPL-2.0-only
"""Mutants differ from their original in the one thing that they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from emulator import catalog
from emulator.assembly.decode import disassemble
from emulator.mutants.field import Operator
from emulator.mutants.operators import Mutant, mutants, places
from emulator.placement import placement
from emulator.subject import Subject

Own = Callable[[str, str], Subject]
EVERY = [(name, variant.name) for name in catalog.names() for variant in catalog.load(name).variants]
NAMES = [("x86_64", "6.12"), ("x86_64", "3.6-static"), ("arm", "6.12"), ("arm", "3.6-static")]


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_every_operator_has_mutants_and_none_is_there_twice(own: Own, arch: str, variant: str) -> None:
    made = mutants(own(arch, variant))
    assert {mutant.operator for mutant in made} == set(Operator)
    assert max(Counter((mutant.place.address, mutant.edit) for mutant in made).values()) == 1


@pytest.mark.parametrize(("arch", "variant"), NAMES)
def test_a_mutant_of_the_same_size_changes_its_own_instruction_alone(own: Own, arch: str, variant: str) -> None:
    whole = own(arch, variant)
    before = placement(whole).trampolines.chunks[0]
    for mutant in mutants(whole):
        altered = mutant.apply(whole)
        if mutant.edit.growth == 0 and altered.trampolines.undefined == whole.trampolines.undefined:
            after = placement(altered).trampolines.chunks[0]
            start = mutant.place.address - before.address
            end = start + mutant.edit.size
            assert after.data[:start] + after.data[end:] == before.data[:start] + before.data[end:]
            assert after.data[start:end] != before.data[start:end], str(mutant)


@pytest.mark.parametrize(("arch", "variant"), NAMES)
def test_a_changed_field_is_what_the_mutant_says(own: Own, arch: str, variant: str) -> None:
    whole = own(arch, variant)
    for mutant in mutants(whole):
        if mutant.operator not in (Operator.DROP, Operator.DUPLICATE, Operator.EXCHANGE):
            assert _first(mutant, whole) == mutant.text


def _first(mutant: Mutant, whole: Subject) -> str:
    code = placement(mutant.apply(whole)).trampolines.bytes_at(mutant.place.address, 16)
    return str(disassemble(whole.arch.engine, code, mutant.place.address)[0])


@pytest.mark.parametrize(("arch", "variant"), NAMES)
def test_behind_a_duplicate_everything_leads_to_where_it_did(own: Own, arch: str, variant: str) -> None:
    whole = own(arch, variant)
    targets = _targets(whole, None)
    for mutant in mutants(whole):
        if mutant.operator is Operator.DUPLICATE and mutant.place.address > min(targets):
            found = _targets(whole, mutant)
            assert set(targets.values()) == set(found.values()), str(mutant)


def _targets(whole: Subject, mutant: Mutant | None) -> dict[int, str]:
    """The branches, and the source lines or symbols that they lead to."""
    placed = placement(mutant.apply(whole) if mutant else whole)
    found = {}
    for at in placed.trampolines.lines:
        if at.line.instruction:
            for one in disassemble(whole.arch.engine, placed.bytes_at(at.address, at.line.size), at.address):
                if one.target is not None:
                    line = placed.trampolines.line(one.target)
                    found[one.address] = f"{line.place}" if line else placed.symbols.name(one.target)
    return found


def test_the_call_that_the_core_writes_is_changed_but_for_where_it_leads(own: Own) -> None:
    whole = own("x86_64", "6.12")
    label = placement(whole).label("ftrace_call")
    made = {mutant.operator for mutant in mutants(whole) if mutant.place.address == label}
    assert Operator.DROP in made
    assert Operator.DISPLACEMENT not in made


def test_places_are_the_instructions_of_trampolines_alone(own: Own) -> None:
    found = {place.file for place in places(own("x86_64", "6.12"))}
    assert found == {"trampolines/x86_64/ftrace-6.12.S"}

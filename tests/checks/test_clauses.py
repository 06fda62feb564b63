# SPDX-License-Identifier: GPL-2.0-only
"""The clauses as a list: their ids, what they are asked of, and what `explain` says of them."""

from __future__ import annotations

import re

import pytest

from emulator import catalog
from emulator.checks import judge  # noqa: F401 - it brings the clauses with it
from emulator.checks.clause import CLAUSES, clause, find
from emulator.description import Ability
from emulator.errors import UnknownName

WANTED = "T1 T2 T3 T4 T5 C0 C1 C2 C3 C4 C5 C6 W1 W2 G1 G2 G3 G4 U1 U3 P1 P2 P3 P4 H1 H2 N1 N2".split()
VARIANTS = [(name, variant.name) for name in catalog.names() for variant in catalog.load(name).variants]


def test_all_are_there() -> None:
    assert sorted(CLAUSES) == sorted(WANTED)


@pytest.mark.parametrize("id_", WANTED)
def test_each_explains_itself(id_: str) -> None:
    text = find(id_).explanation
    assert len(text.splitlines()) >= 4, "it asks, it says who promises it, and who broke it"
    promised, broken = (
        re.search(r"^Promised: (.+)", text, re.MULTILINE),
        re.search(r"^Broken by: (.+)", text, re.MULTILINE),
    )
    assert promised, "where the kernel promises it"
    assert broken, "which bugs broke it"
    assert promised.start() < broken.start()
    assert max(map(len, text.splitlines())) <= 120


def test_names_are_found_in_either_case() -> None:
    assert find("c5") is CLAUSES["C5"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="C5"):
        find("C55")


def test_an_id_is_declared_once() -> None:
    with pytest.raises(ValueError, match="T1 is declared twice"):
        clause("T1", "again")(lambda _passage: None)


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_what_a_variant_does_not_declare_is_unsupported_by_name(arch: str, variant: str) -> None:
    declared = catalog.load(arch)
    item = declared.variant(variant)
    for each in CLAUSES.values():
        if each.needs and each.needs not in item.abilities:
            assert not each.asked_of(item)
            assert str(each.needs.name) in each.unsupported(declared, item)


def test_what_needs_nothing_is_asked_everywhere() -> None:
    everywhere = [each for each in CLAUSES.values() if each.needs is Ability.NONE]
    variants = [variant for name in catalog.names() for variant in catalog.load(name).variants]
    assert everywhere
    assert all(each.asked_of(variant) for each in everywhere for variant in variants)

# SPDX-License-Identifier: GPL-2.0-only
"""Reports of campaigns, and the shape of the committed page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator import catalog
from emulator.mutants.campaign import Campaign, Plan
from emulator.mutants.field import Operator
from emulator.mutants.trial import Fate
from emulator.report import mutants as report
from emulator.report.lines import WIDTH, plain
from emulator.subject import load

PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    """Nine of ten are caught."""
    arch = catalog.load("arm")
    (subject,) = load(arch, [arch.variant("3.7")])
    plan = Plan(subject, [], sample=10)
    return plan.campaign([Fate(), *[Fate("T1")] * 6, *[Fate("C5")] * 3])


def test_text_says_how_many_were_caught_and_who_survived(campaign: Campaign) -> None:
    text = plain(report.render([campaign]))
    mutant = campaign.judged[0].mutant
    assert "9 caught (90.0 %), 0 equivalent, 1 unexplained" in text
    assert "T1 6, C5 3" in text
    assert f"{mutant.place.where} ({mutant.place.file}:{mutant.place.line})" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_the_document_has_the_same_numbers(campaign: Campaign) -> None:
    document = report.document([campaign], 1)
    (variant,) = document["variants"]
    assert (variant["judged"], variant["caught"], variant["unexplained"]) == (10, 9, 1)
    assert sum(item["judged"] for item in variant["by_operator"].values()) == 10
    assert [item["reason"] for item in variant["survivors"]] == [None]


# -- the page ----------------------------------------------------------------------------------------------------------


def tables() -> list[list[list[str]]]:
    """The committed page's tables, each a list of rows of cells, without the rule below the head."""
    found: list[list[list[str]]] = [[]]
    for line in PAGE.read_text().splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found[-1]:
            found.append([])
    return [[rows[0], *rows[2:]] for rows in found if rows]


def test_the_page_is_as_the_command_makes_it() -> None:
    assert PAGE.read_text().startswith(report.INTRODUCTION)
    by_variant, by_operator, by_clause, reasons = tables()
    assert by_operator[0] == ["variant", *(operator.value for operator in Operator)]
    names = [f"{arch} {variant.name}" for arch in catalog.names() for variant in catalog.load(arch).variants]
    for rows in (by_variant, by_operator, by_clause):
        assert sorted(row[0] for row in rows[1:]) == sorted(names)
    assert all(reason for *_, reason in reasons[1:])


def test_the_pages_numbers_fit_together() -> None:
    by_variant, _, by_clause, reasons = tables()
    caught = {name: sum(int(cell) for cell in cells if cell) for name, *cells in by_clause[1:]}
    for name, *cells, rate in by_variant[1:]:
        total, found, equivalent, unexplained = map(int, cells)
        assert total == found + equivalent + unexplained
        assert (found, unexplained) == (caught[name], 0)
        assert rate == f"{100 * found / total:.1f} %"
    assert sum(int(row[0]) for row in reasons[1:]) == sum(int(row[3]) for row in by_variant[1:])

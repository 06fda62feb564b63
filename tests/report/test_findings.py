# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as text and as a document."""

from __future__ import annotations

import json
import re
from pathlib import Path

from emulator.checks.clause import CLAUSES
from emulator.checks.finding import Verdict
from emulator.checks.verdicts import Report
from emulator.report.findings import document, render
from emulator.report.lines import coloured, plain

JSON_MD = Path(__file__).parents[2] / "docs" / "json.md"


def rows(text: str) -> dict[str, str]:
    """{id: verdict} of the lines that have one."""
    return {found[2]: found[1] for found in re.finditer(r"^  ([A-Z]+) +([TCWGUPHN]\d) ", text, re.MULTILINE)}


def test_every_clause_has_one_line(mixed: Report, clean: Report) -> None:
    for report in (mixed, clean):
        text = plain(render([report]))
        assert rows(text).keys() == CLAUSES.keys()
        assert len(re.findall(r"^  [A-Z]+ +T1 ", text, re.MULTILINE)) == 1


def test_each_verdict_is_shown(mixed: Report) -> None:
    shown = rows(plain(render([mixed])))
    assert [shown[clause] for clause in ("T1", "T2", "T4", "C5", "G4", "U1")] == [
        "FAIL",
        "PASS",
        "XFAIL",
        "XFAIL",
        "UNTESTED",
        "PASS",
    ]


def test_a_failure_says_what_where_and_how_to_see_it_again(mixed: Report) -> None:
    text = " ".join(plain(render([mixed])).split())
    assert "FAIL T1 registers r3, r4 r3: expected 1, got 2 in scenario regs, seed 7" in text
    assert "at ftrace_caller+0x10 (my folder/mine.S:12) mcount-emulator check arm --variant 6.12 --source" in text
    assert "--source 'my folder/mine.S' --clause T1 --scenario regs --seed 7" in text


def test_what_led_nowhere_is_told_with_its_reason(mixed: Report) -> None:
    text = " ".join(plain(render([mixed])).split())
    assert "UNRESOLVED scenario graph" in text
    assert "the CPU halted: 5 % of #0" in text
    assert "note: --allow T2:sp: nothing of that name is wrong here" not in text  # not everything could be done


def test_counts_are_of_rows(mixed: Report) -> None:
    last = plain(render([mixed])).splitlines()[-1]
    total = sum(int(number) for number in re.findall(r" (\d+) [A-Z]", last))
    assert total == len(CLAUSES) + 2
    assert "1 FAIL" in last
    assert "2 UNRESOLVED" in last


def test_text_is_a_hundred_columns_wide(mixed: Report) -> None:
    lines = plain(render([mixed])).splitlines()
    assert max(len(line) for line in lines if "mcount-emulator" not in line) <= 100


def test_colour_adds_nothing_but_colour(clean: Report) -> None:
    lines = render([clean])
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured(lines))
    assert [row.rstrip() for row in stripped.splitlines()] == plain(lines).splitlines()


def test_the_document(mixed: Report) -> None:
    data = json.loads(json.dumps(document([mixed])))
    assert data["schema"] == "mcount-emulator/check/1"
    assert data["seeds"] == [7, 8]
    (variant,) = data["variants"]
    clauses = {clause["id"]: clause for clause in variant["clauses"]}
    assert list(clauses) == sorted(clauses, key=lambda name: ("TCWGUPHN".index(name[0]), name))
    assert clauses["T2"]["findings"] == []
    assert clauses["T2"]["asked"] == 4
    first, second = clauses["T1"]["findings"]
    assert (first["what"], first["address"], first["file"], first["line"]) == ("r3", "0xc0108010", mixed.origin, 12)
    assert second["address"] is None
    assert [clauses[name]["verdict"] for name in ("C5", "T4", "G4")] == ["XFAIL", "XFAIL", "UNTESTED"]
    assert clauses["T4"]["findings"][0]["reason"] == "nobody looks"
    assert [item["scenario"] for item in variant["unresolved"]] == ["graph", "two"]
    assert variant["counts"] == {verdict.value: count for verdict, count in mixed.counts.items()}


def test_every_key_is_described(mixed: Report) -> None:
    text = JSON_MD.read_text()
    told = text[text.index("mcount-emulator check") :]
    (variant,) = document([mixed])["variants"]
    clause = next(clause for clause in variant["clauses"] if clause["findings"])
    keys = {"seeds", "variants", *variant, *clause, *clause["findings"][0], *variant["unresolved"][0]}
    assert [key for key in sorted(keys) if f"`{key}`" not in told] == []


def test_worst_verdict_is_the_rows(mixed: Report) -> None:
    row = next(row for row in mixed.rows if row.clause and row.clause.id == "T1")
    assert row.verdict is Verdict.FAIL
    assert len(row.findings) == 2

# SPDX-License-Identifier: GPL-2.0-only
"""Changes as text in the style of a unified diff, and as JSON."""

from __future__ import annotations

import json

from emulator.behaviour.changes import Change, Difference, Hunk, compare
from emulator.behaviour.saved import Path, Side
from emulator.report.diff import SCHEMA, Compared, document, render
from emulator.report.lines import WIDTH, coloured, plain

OLD = Side("x86_64", "6.12", "6.12", "ours", {}, {})
NEW = OLD.__class__("x86_64", "6.12", "6.12", "mine.S", {}, {})
HUNK = Hunk(
    "ftrace_caller",
    {"one": (), "every": ("vfs_read", "vfs_read 2")},
    (Change("record.bx", "stale", "rbx"), Change("cost.instructions", "34", "35")),
)
DIFFERENCE = Difference(OLD, NEW, (HUNK,), (Change("C5 the record", "PASS", "FAIL (bx)"),), {"stopped": "t"}, {}, 7)

TEXT = """\
--- x86_64 6.12  ours
+++ x86_64 6.12  mine.S
@@ ftrace_caller @@
 one, every (vfs_read, vfs_read 2)
-record bx                 stale
+record bx                 rbx
-cost instructions         34
+cost instructions         35
@@ paths @@
-stopped: t
@@ verdicts @@
-C5 the record             PASS
+C5 the record             FAIL (bx)

2 changes in behaviour, 1 in verdicts: 1 variant, 7 paths compared
"""


def text(compared: Compared) -> str:
    return plain(render(compared))


def test_the_text() -> None:
    assert text(Compared([DIFFERENCE])) == TEXT


def test_colours_say_nothing_alone() -> None:
    shown = coloured(render(Compared([DIFFERENCE])))
    assert "\x1b[31m-record bx" in shown
    assert "\x1b[32m+record bx" in shown


def test_no_change() -> None:
    assert text(Compared([compare(OLD, NEW)] * 2)) == "no change in behaviour: 2 variants, 0 paths compared\n"


def test_variants_that_one_side_alone_has() -> None:
    shown = text(Compared([compare(OLD, NEW)], [OLD], [NEW])).splitlines()
    assert shown[:2] == ["-x86_64 6.12: only in OLD", "+x86_64 6.12: only in NEW"]
    assert shown[-1] == "0 changes in behaviour, 0 in verdicts: 1 variant, 0 paths compared"


def test_nothing_is_wider_than_a_report() -> None:
    long = "word " * 60 + "x" * 300
    change = Change(f"record.{'y' * 90}", long, "z" * 200)
    where = {f"path{number}": ("vfs_read", "vfs_read 2") for number in range(40)}
    wide = Side("x86_64", "6.12", "6.12", f"/{'folder/' * 40}mine.S", {}, {})
    hunk = Hunk("an entry " * 30, where, (change,))
    difference = Difference(OLD, wide, (hunk,), (change,), {"p" * 120: long}, {}, 1)
    lines = text(Compared([difference], [wide])).splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []
    assert lines[1].endswith("folder/mine.S")


def test_the_document() -> None:
    told = json.loads(json.dumps(document(Compared([DIFFERENCE], come=[NEW]))))
    assert (told["schema"], told["changed"]) == (SCHEMA, True)
    (variant,) = told["variants"]
    assert variant["old"] == {"arch": "x86_64", "release": "6.12", "variant": "6.12", "source": "ours"}
    assert variant["hunks"] == [
        {
            "entry": "ftrace_caller",
            "where": {"one": [], "every": ["vfs_read", "vfs_read 2"]},
            "changes": [
                {"fact": "record.bx", "old": "stale", "new": "rbx"},
                {"fact": "cost.instructions", "old": "34", "new": "35"},
            ],
        }
    ]
    assert variant["verdicts"] == [{"fact": "C5 the record", "old": "PASS", "new": "FAIL (bx)"}]
    assert (variant["paths_only_in_old"], variant["paths_only_in_new"]) == ({"stopped": "t"}, {})
    assert [side["source"] for side in told["only_in_new"]] == ["mine.S"]
    assert document(Compared([compare(OLD, NEW)]))["changed"] is False


def test_a_path_in_the_document_is_what_compare_says() -> None:
    old = Side("arm", "6.12", "6.12", "ours", {}, {"one": Path("one ops", passages={"f": {"entry": "ftrace_caller"}})})
    new = Side("arm", "6.12", "6.12", "ours", {}, {"one": Path("one ops", passages={"f": {"entry": "nothing"}})})
    assert "ftrace_caller -> nothing" in text(Compared([compare(old, new)]))

# SPDX-License-Identifier: GPL-2.0-only
"""The listing: every byte of the code once, and what is stored where, seen in runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import catalog
from emulator.cli import GOOD, USAGE, main
from emulator.images.layouts import Row
from emulator.listing import Listing, Stored, listing
from emulator.placement import placement
from emulator.report import layouts
from emulator.report import listing as report
from emulator.report.lines import WIDTH, plain
from emulator.subject import Subject, load

VARIANTS = [(name, variant.name) for name in catalog.names() for variant in catalog.load(name).variants]


def shown(arch: str, variant: str) -> Listing:
    declared = catalog.load(arch)
    return listing(load(declared, [declared.variant(variant)])[0], 1)


def executable(subject: Subject) -> Iterator[bytes]:
    placed = placement(subject)
    return (chunk.data for chunk in placed.trampolines.chunks if subject.trampolines.sections[chunk.section].executable)


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_all_code_is_there_and_fits(arch: str, variant: str) -> None:
    made = shown(arch, variant)
    assert b"".join(row.code for row in made.rows) == b"".join(executable(made.subject))
    assert {entry.symbol for entry in made.subject.variant.entries} <= {
        name for row in made.rows for name in row.labels
    }
    assert set(made.patched) <= {name for row in made.rows for name in row.labels}
    text = plain(report.render(made))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "(no instruction)" not in text


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_every_promised_member_is_stored_by_somebody(arch: str, variant: str) -> None:
    made = shown(arch, variant)
    stored = {item.member for row in made.rows for item in row.stored if row.ran}
    entries = made.subject.variant.entries
    assert stored == {name for entry in entries for name in (*entry.promises, *entry.constants)}


def test_what_is_stored_has_its_origin() -> None:
    rows = {row.address: row for row in shown("x86_64", "6.12").rows}
    by_member = {item.member: (row, item) for row in rows.values() for item in row.stored}
    row, item = by_member["bx"]
    assert (report.text_of(shown("x86_64", "6.12"), row), item) == (
        "mov %rbx, PT_bx(%rsp)",
        Stored("bx", 0, 7, True, "rbx"),
    )
    assert by_member["ip"][1].origin == "landing"


def test_the_same_again_and_again_is_listed_once() -> None:
    made = shown("x86_64", "6.12")
    first = next(row for row in made.rows if not row.ran and not row.labels)
    many = made._replace(rows=(*made.rows, *[first] * 9))
    text = plain(report.render(many))
    assert text.splitlines()[-2].strip() == "... 8 more of the same"
    few = made._replace(rows=(*made.rows, first, first))
    assert "more of the same" not in plain(report.render(few))


@pytest.mark.parametrize("arch", catalog.names())
def test_layouts_alone_are_the_declared_ones(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", arch, "--layouts", "--format", "json"]) == GOOD
    document = json.loads(capsys.readouterr().out)
    declared = catalog.load(arch)
    record = declared.record(declared.variant(declared.releases[-1]))
    found = {row["member"]: row["ours"] for row in document["members"] if row["struct"] == record.name}
    assert found == {"": [0, record.size], **{item.name: [item.offset, item.size] for item in record.members}}
    assert {row["theirs"] for row in document["members"]} == {None}
    assert main(["show", arch, "--layouts"]) == GOOD
    assert "as they are declared" in capsys.readouterr().out


def test_layouts_that_differ_are_marked() -> None:
    variant = catalog.load("arm").variant("6.12")
    rows = [
        Row("pt_regs", "r0", (0, 4), (0, 4)),
        Row("pt_regs", "r1", (4, 4), (8, 4)),
        Row("pt_regs", "x", None, (4, 4)),
    ]
    text = plain(layouts.render(Path("vmlinux"), "arm", variant, rows))
    assert "1 of 3 differ" in text
    assert [line.split()[:2] for line in text.splitlines() if line.startswith("!")] == [["!", "pt_regs"]]
    assert [row["same"] for row in layouts.document(None, "arm", variant, rows)["members"]] == [True, False, True]
    rows.append(Row("pt_regs", "r2", (8, 4), None))
    assert "2 of 4 differ" in plain(layouts.render(Path("vmlinux"), "arm", variant, rows))
    assert layouts.document(None, "arm", variant, rows)["members"][-1]["same"] is False


def test_what_nobody_stores_is_not_there() -> None:
    assert not any(row.stored for row in shown("arm", "3.7").rows)


def test_the_document_is_the_listing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "arm", "--variant", "6.12", "--format", "json"]) == GOOD
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["arch"], document["variant"]) == (report.SCHEMA, "arm", "6.12")
    push = next(item for item in document["instructions"] if item["text"].startswith("push {r0-fp"))
    assert [store["member"] for store in push["stores"]][:3] == ["r0", "r1", "r2"]
    assert {"member": "sp", "first": 0, "last": 3, "origin": "sp+0x4"} in push["stores"]
    assert document["patched"]["ftrace_call"] == "the core calls func here"


def test_a_user_sees_his_own_lines(capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    assert main(["show", "x86_64", "--source", f"{tmp_path}/none.S"]) == USAGE
    assert "none.S" in capsys.readouterr().err

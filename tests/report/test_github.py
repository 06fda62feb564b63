# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as GitHub's workflow commands."""

from __future__ import annotations

import re

from emulator.checks.verdicts import Report
from emulator.report import github

COMMAND = re.compile(r"::(error|notice) ([^:]*)::(.*)")


def commands(report: Report) -> list[tuple[str, dict[str, str], str]]:
    """(command, properties, message) of each, read as GitHub reads them."""
    found = [COMMAND.fullmatch(line) for line in github.render([report]).splitlines() if line.startswith("::")]
    assert all(found)
    return [
        (match[1], {key: decoded(value) for key, value in properties(match[2])}, decoded(match[3]))
        for match in found
        if match
    ]


def properties(text: str) -> list[tuple[str, str]]:
    pairs = [part.partition("=") for part in text.split(",")]
    return [(key, value) for key, _, value in pairs]


def decoded(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_each_failure_is_an_annotation_at_its_line(mixed: Report) -> None:
    kind, where, message = commands(mixed)[0]
    assert kind == "error"
    assert where == {"file": "my folder/mine.S", "line": "12", "title": "arm 6.12: T1 registers"}
    assert message.splitlines()[:2] == ["r3: expected 1, got 2 (scenario regs, seed 7)", "at ftrace_caller+0x10"]
    assert message.splitlines()[-1].startswith("mcount-emulator check arm")


def test_what_has_no_place_is_annotated_at_the_users_file(mixed: Report) -> None:
    _, where, message = commands(mixed)[1]
    assert where == {"file": "my folder/mine.S", "title": "arm 6.12: T1 registers"}
    assert message.startswith("r4: expected #1,\n<&>, got \x1b100% (scenario")


def test_what_is_ours_is_not_annotated_in_a_users_repository(mixed: Report) -> None:
    moved = [finding._replace(file="trampolines/arm/kernel.S") for finding in mixed.findings]
    _, where, _ = commands(mixed._replace(findings=tuple(moved)))[0]
    assert where == {"file": "my folder/mine.S", "title": "arm 6.12: T1 registers"}


def test_only_what_is_bad_is_an_error(mixed: Report, clean: Report) -> None:
    assert [kind for kind, *_ in commands(mixed)] == ["error"] * 4
    assert commands(clean) == []


def test_notes_are_notices(clean: Report) -> None:
    ((kind, _, message),) = commands(clean._replace(notes=("100% odd",)))
    assert (kind, message) == ("notice", "100% odd")


def test_the_counts_come_last(mixed: Report) -> None:
    assert github.render([mixed]).splitlines()[-1].startswith("arm 6.12 ")

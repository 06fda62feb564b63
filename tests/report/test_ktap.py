# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as KTAP, read back by a reader that forgives nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from emulator.checks.account import Account, Tally
from emulator.checks.clause import CLAUSES
from emulator.checks.finding import Verdict
from emulator.checks.verdicts import Report
from emulator.report import ktap

RESULT = re.compile(r"(ok|not ok) ([1-9]\d*)(?: ([^#\n]*[^#\n ]))?(?: # (?:(SKIP|XFAIL|TIMEOUT|ERROR)\b ?)?(.*))?")
FAILS = ("TIMEOUT", "ERROR")


@dataclass
class Test:
    """A result line with what stands above it."""

    __test__ = False
    good: bool
    name: str
    directive: str
    reason: str
    diagnostics: list[str] = field(default_factory=list)
    children: list[Test] = field(default_factory=list)


class NotKtapError(Exception):
    """The line is not what the format wants there."""


class Reader:
    """KTAP version 1, as the format's own page tells it; no unknown lines, no missing plan."""

    def __init__(self, text: str) -> None:
        if not text.endswith("\n"):
            raise NotKtapError("the last line has no end")
        self.lines = text[:-1].split("\n")
        self.at = 0

    def whole(self) -> list[Test]:
        tests = self.level(0)
        if self.at != len(self.lines):
            raise NotKtapError(f"line {self.at + 1} belongs to nothing: {self.lines[self.at]!r}")
        return tests

    def next(self, indent: int) -> str | None:
        """The line at hand, unindented; None where it belongs to another level."""
        if self.at == len(self.lines):
            return None
        line = self.lines[self.at]
        if len(line) - len(line.lstrip(" ")) != indent:
            return None
        return line[indent:]

    def take(self, indent: int, pattern: str) -> str:
        line = self.next(indent)
        if line is None or not re.fullmatch(pattern, line):
            raise NotKtapError(f"line {self.at + 1} is not {pattern}")
        self.at += 1
        return line

    def level(self, indent: int) -> list[Test]:
        self.take(indent, "KTAP version 1")
        if indent:
            self.take(indent, "# Subtest: .+")
        many = int(self.take(indent, r"1\.\.\d+")[3:])
        return [self.test(indent, number) for number in range(1, many + 1)]

    def test(self, indent: int, number: int) -> Test:
        children = self.level(indent + 2) if self.next(indent + 2) == "KTAP version 1" else []
        diagnostics = []
        while (line := self.next(indent)) is not None and line.startswith("# "):
            diagnostics.append(line[2:])
            self.at += 1
        test = self.result(self.take(indent, RESULT.pattern), number)
        test.diagnostics, test.children = diagnostics, children
        if children and test.good != all(child.good for child in children):
            raise NotKtapError(f"{test.name} is not what its subtests are")
        return test

    def result(self, line: str, number: int) -> Test:
        found = RESULT.fullmatch(line)
        assert found
        said, counted, name, directive, reason = found.groups(default="")
        if int(counted) != number:
            raise NotKtapError(f"test {counted} stands where {number} belongs")
        if not name:
            raise NotKtapError(f"test {number} has no name")
        if directive and (said == "ok") == (directive in FAILS):
            raise NotKtapError(f"{said} does not go with {directive}")
        return Test(said == "ok", name, directive, reason)


def read(text: str) -> list[Test]:
    return Reader(text).whole()


GOOD = """KTAP version 1
1..2
  KTAP version 1
  # Subtest: arm
  1..3
  ok 1 a
  # r12: saved 1 restored 2
  not ok 2 b
  ok 3 c # SKIP not there
not ok 1 arm
ok 2 other # just so
"""


def test_the_reader_reads_what_is_right() -> None:
    first, second = read(GOOD)
    assert [(child.good, child.name, child.directive) for child in first.children] == [
        (True, "a", ""),
        (False, "b", ""),
        (True, "c", "SKIP"),
    ]
    assert first.children[1].diagnostics == ["r12: saved 1 restored 2"]
    assert second.reason == "just so"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("KTAP version 1\n1..2", "1..2"),
        ("1..2\n", ""),
        ("1..2\n", "1..3\n"),
        ("1..2\n", "1..1\n"),
        ("ok 3 c", "ok 4 c"),
        ("  ok 1 a", "ok 1 a"),
        ("  ok 1 a", "   ok 1 a"),
        ("  # Subtest: arm\n", ""),
        ("not ok 1 arm", "ok 1 arm"),
        ("  ok 1 a", "  ok 1"),
        ("  ok 1 a", "  OK 1 a"),
        ("  ok 1 a", "  ok 1 a#b"),
        ("not ok 2 b", "not ok 2 b # XFAIL known"),
        ("  ok 1 a", "  ok 1 a # ERROR lost"),
        ("  ok 1 a\n", "  ok 1 a\nsomething else\n"),
        ("just so\n", "just so"),
    ],
)
def test_the_reader_refuses_what_is_wrong(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(NotKtapError):
        read(GOOD.replace(old, new, 1))


def test_every_clause_is_a_subtest_of_its_variant(mixed: Report, clean: Report) -> None:
    first, second = read(ktap.render([mixed, clean]))
    assert (first.good, second.good) == (False, True)
    assert (first.name, second.name) == ("arm 6.12", "arm 6.12")
    assert [child.name.split()[0] for child in second.children] == [row.title.split()[0] for row in clean.rows]
    assert len(second.children) == len(CLAUSES)
    assert len(first.children) == len(CLAUSES) + 2


def test_each_verdict_has_its_directive(mixed: Report) -> None:
    (test,) = read(ktap.render([mixed]))
    told = {child.name: (child.good, child.directive) for child in test.children}
    assert told["T1 registers"] == (False, "")
    assert told["T2 landing and sp"] == (True, "")
    assert told["C5 the record"] == (True, "XFAIL")
    assert told["T4 flags"] == (True, "XFAIL")
    assert told["G4 landing behind return_to_handler"] == (True, "SKIP")
    assert told["scenario graph"] == (False, "ERROR")


def test_an_unsupported_clause_is_skipped_with_its_reason(make: Callable[[Account], Report]) -> None:
    (test,) = read(ktap.render([make(Account({"T1": Tally(1)}))]))
    told = {child.name.split()[0]: child for child in test.children}
    assert (told["U1"].directive, told["U1"].reason) == ("SKIP", "the variant does not declare FRAME_POINTER")
    assert (told["T2"].directive, told["T2"].reason) == ("SKIP", "nothing that was run has shown it")


def test_a_failure_has_its_diagnostics_right_above(mixed: Report) -> None:
    (test,) = read(ktap.render([mixed]))
    failed = next(child for child in test.children if child.name == "T1 registers")
    assert failed.diagnostics == [
        "r3: expected 1, got 2 in scenario regs, seed 7",
        "at ftrace_caller+0x10 (my folder/mine.S:12)",
        "mcount-emulator check arm --variant 6.12 --source 'my folder/mine.S' --clause T1 --scenario regs --seed 7",
        "r4: expected #1, <&>, got \x1b100% in scenario regs, seed 7",
        "mcount-emulator check arm --variant 6.12 --source 'my folder/mine.S' --clause T1 --scenario regs --seed 7",
    ]
    assert [child.name for child in test.children if child.diagnostics] == [
        "T1 registers",
        "scenario graph",
        "scenario two",
    ]


def test_the_reason_of_what_led_nowhere_is_on_its_line(mixed: Report) -> None:
    (test,) = read(ktap.render([mixed]))
    assert {child.reason for child in test.children if child.directive == "ERROR"} == {"the CPU halted: 5 % of #0"}


def test_bad_verdicts_and_no_others_are_not_ok(mixed: Report) -> None:
    (test,) = read(ktap.render([mixed]))
    bad = [row.verdict in (Verdict.FAIL, Verdict.UNRESOLVED) for row in mixed.rows]
    assert [not child.good for child in test.children] == bad

# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from emulator.checks.clause import CLAUSES
from emulator.checks.verdicts import Report
from emulator.report import junit


def suites(*reports: Report) -> list[ET.Element]:
    text = junit.render(reports)
    assert text.isascii()
    return list(ET.fromstring(text.encode()))  # noqa: S314 - our own document


def test_a_suite_a_variant_and_a_case_a_clause(mixed: Report, clean: Report) -> None:
    first, second = suites(mixed, clean)
    assert (first.get("name"), second.get("name")) == ("arm 6.12", "arm 6.12")
    assert [case.get("name") for case in second] == [row.title for row in clean.rows]
    assert len(second) == len(CLAUSES)
    assert {case.get("classname") for case in second} == {"arm.6.12"}


def test_the_counts_are_those_of_the_cases(mixed: Report) -> None:
    (suite,) = suites(mixed)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute) or "") == len(suite.findall(f"testcase/{tag}")) > 0
    assert int(suite.get("tests") or "") == len(suite)


def test_a_case_has_one_outcome_at_most(mixed: Report) -> None:
    (suite,) = suites(mixed)
    told = {case.get("name"): [child.tag for child in case] for case in suite}
    assert told["T1 registers"] == ["failure"]
    assert told["T2 landing and sp"] == []
    assert told["T4 flags"] == ["skipped"]
    assert told["scenario graph"] == ["error"]


def test_a_failure_tells_all_there_is(mixed: Report) -> None:
    (suite,) = suites(mixed)
    failure = suite.find("testcase[@name='T1 registers']/failure")
    assert failure is not None
    assert failure.get("message") == "r3; r4"
    text = failure.text or ""
    assert "r3: expected 1, got 2\nscenario regs, seed 7\nftrace_caller+0x10 (my folder/mine.S:12)\n" in text
    assert "mcount-emulator check arm" in text


def test_what_xml_cannot_hold_is_left_out(mixed: Report) -> None:
    """An escape character would make the whole document unreadable."""
    (suite,) = suites(mixed)
    failure = suite.find("testcase[@name='T1 registers']/failure")
    assert failure is not None
    assert "r4: expected #1,\n<&>, got ?100%" in (failure.text or "")


def test_a_skip_has_its_reason(mixed: Report) -> None:
    (suite,) = suites(mixed)
    skipped = suite.find("testcase[@name='T4 flags']/skipped")
    assert skipped is not None
    assert (skipped.get("type"), skipped.get("message")) == ("XFAIL", "nobody looks")

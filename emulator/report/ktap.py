# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as KTAP version 1 (Documentation/dev-tools/ktap.rst): a test a variant, a subtest a clause.

XFAIL and SKIP are `ok`, because kunit.py counts them as passed and skipped then; ERROR goes with `not ok`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.checks.finding import Finding, Verdict
from emulator.checks.verdicts import Report, Row
from emulator.report.findings import place, said

VERSION = "KTAP version 1"
DIRECTIVES = {
    Verdict.XFAIL: "XFAIL",
    Verdict.UNSUPPORTED: "SKIP",
    Verdict.UNTESTED: "SKIP",
    Verdict.UNRESOLVED: "ERROR",
}


def render(reports: Sequence[Report]) -> str:
    """The whole document."""
    lines = [VERSION, f"1..{len(reports)}"]
    for number, report in enumerate(reports, 1):
        lines += [f"  {text}" for text in _variant(report)]
        lines.append(_result(number, report.name, bad=any(row.verdict.bad for row in report.rows)))
    return "\n".join(lines) + "\n"


def _variant(report: Report) -> Iterator[str]:
    rows = list(report.rows)
    yield VERSION
    yield f"# Subtest: {_name(report.name)}"
    yield f"1..{len(rows)}"
    yield from (f"# note: {_one_line(note)}" for note in report.notes)
    for number, row in enumerate(rows, 1):
        yield from (f"# {_one_line(text)}" for finding in row.findings for text in _diagnostics(finding))
        yield _result(number, row.title, bad=row.verdict.bad, directive=_directive(row))


def _diagnostics(finding: Finding) -> Iterator[str]:
    """What belongs to a result stands in front of it."""
    if not finding.verdict.bad:
        return
    if finding.what:
        yield f"{said(finding)} in scenario {finding.scenario}, seed {finding.seed}"
    if finding.symbol or finding.file:
        yield f"at {place(finding)}"
    if finding.replay:
        yield finding.replay


def _directive(row: Row) -> str:
    """`# XFAIL why`; plain text in the place of a directive where a passed clause has something to say."""
    reasons = "; ".join(dict.fromkeys(finding.reason for finding in row.findings if finding.reason))
    if row.verdict is Verdict.FAIL:
        return ""
    words = f"{DIRECTIVES.get(row.verdict, '')} {_one_line(reasons)}".strip()
    return f" # {words}" if words else ""


def _result(number: int, name: str, *, bad: bool, directive: str = "") -> str:
    return f"{'not ok' if bad else 'ok'} {number} {_name(name)}{directive}"


def _name(text: str) -> str:
    """A name may hold any character but # and a newline."""
    return _one_line(text).replace("#", "")


def _one_line(text: str) -> str:
    return " ".join(text.split())

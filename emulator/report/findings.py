# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as text, a line a clause and more where one fails, and as one JSON document, described in docs/json.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from emulator.checks.finding import Finding, Verdict
from emulator.checks.verdicts import Report, Row
from emulator.report.lines import WIDTH, Line, Span, heading, line, table

SCHEMA = "mcount-emulator/check/1"
STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.XFAIL: "yellow",
    Verdict.UNSUPPORTED: "dim",
    Verdict.UNRESOLVED: "bold red",
    Verdict.UNTESTED: "dim",
}
VERDICT_WIDTH = max(len(verdict.value) for verdict in Verdict)
INDENT = " " * (2 + VERDICT_WIDTH + 2)


def render(reports: Sequence[Report]) -> list[Line]:
    """For a terminal: every clause of every variant, then a line of counts a variant."""
    lines: list[Line] = []
    for report in reports:
        lines += [heading(title(report)), *_rows(report), []]
    return lines + counts(reports)


def title(report: Report) -> str:
    """What was judged, and with which seeds."""
    origin = "" if report.origin == "ours" else f", trampolines of {report.origin}"
    first, last = report.seeds[0], report.seeds[-1]
    seeds = f"seed {first}" if len(report.seeds) == 1 else f"seeds {first} to {last}"
    return f"{report.name}: the contract{origin}, {seeds}"


def counts(reports: Sequence[Report]) -> list[Line]:
    """How many clauses have which verdict, a line a variant."""
    return table([_counts(report) for report in reports])


def _counts(report: Report) -> list[str | Span]:
    cells: list[str | Span] = [report.name]
    for verdict, count in report.counts.items():
        cells.append(Span(f"{count:3} {verdict.value}", STYLES[verdict] if count else "dim"))
    return cells


def _rows(report: Report) -> Iterator[Line]:
    width = max((len(row.title) for row in report.rows if row.clause), default=0)
    for row in report.rows:
        verdict = Span(row.verdict.value.ljust(VERDICT_WIDTH + 2), STYLES[row.verdict])
        yield from _wrapped([Span("  "), verdict], row.title.ljust(width), _summary(row, report))
        for finding in row.findings:
            yield from _details(finding)
    for note in report.notes:
        yield from _wrapped([Span("  note: ", "yellow")], "", note)


def _wrapped(start: Line, name: str, text: str) -> Iterator[Line]:
    """A line that goes on below itself, where there is room for that."""
    used = sum(len(span.text) for span in start)
    first, *more = textwrap.wrap(text, WIDTH - used - len(name) - 2) or [""]
    yield [*start, Span(f"{name}  {first}" if name else first)]
    for rest in more:
        yield line(" " * (used + (len(name) + 2 if name else 0)) + rest)


def _summary(row: Row, report: Report) -> str:
    """What stands behind a clause on its own line."""
    if row.verdict is Verdict.FAIL:
        return ", ".join(finding.what for finding in row.findings if finding.verdict is Verdict.FAIL)
    reasons = [_reason(finding) for finding in row.findings if finding.reason]
    if row.clause and row.verdict is Verdict.PASS and not reasons:
        return f"asked {report.asked[row.clause.id]} times"
    return "; ".join(reasons)


def _reason(finding: Finding) -> str:
    return f"{finding.what}: {finding.reason}" if finding.what else finding.reason


def _details(finding: Finding) -> Iterator[Line]:
    """A failure: what was expected, where, and how to see it again."""
    if not finding.verdict.bad:
        return
    if finding.what:
        yield from _wrapped([Span(INDENT)], "", f"{said(finding)} in scenario {finding.scenario}, seed {finding.seed}")
    if finding.symbol or finding.file:
        yield line(INDENT, f"at {place(finding)}")
    if finding.replay:
        yield line(INDENT, Span(finding.replay, "dim"))


def said(finding: Finding) -> str:
    """A violation in words."""
    return f"{finding.what}: expected {finding.expected}, got {finding.got}"


def place(finding: Finding) -> str:
    """symbol+offset (file:line), as far as known."""
    source = f"{finding.file}:{finding.line}" if finding.line else finding.file
    return f"{finding.symbol} ({source})" if finding.symbol and source else finding.symbol or source


def document(reports: Sequence[Report]) -> dict[str, Any]:
    """The same as data."""
    return {"schema": SCHEMA, "seeds": list(reports[0].seeds), "variants": [_variant(report) for report in reports]}


def _variant(report: Report) -> dict[str, Any]:
    return {
        "arch": report.arch,
        "release": report.release,
        "variant": report.variant,
        "source": report.origin,
        "counts": {verdict.value: count for verdict, count in report.counts.items()},
        "clauses": [_clause(row, report) for row in report.rows if row.clause],
        "unresolved": [_unresolved(row.findings[0]) for row in report.rows if not row.clause],
        "notes": list(report.notes),
        "behaviour": report.behaviour,
    }


def _clause(row: Row, report: Report) -> dict[str, Any]:
    assert row.clause is not None  # noqa: S101 - _variant() has looked
    return {
        "id": row.clause.id,
        "title": row.clause.title,
        "verdict": row.verdict.value,
        "asked": report.asked[row.clause.id],
        "reason": "; ".join(finding.reason for finding in row.findings if finding.reason and not finding.what),
        "findings": [_finding(finding) for finding in row.findings if finding.what],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "what": finding.what,
        "verdict": finding.verdict.value,
        "expected": finding.expected,
        "got": finding.got,
        **_place(finding),
        "reason": finding.reason,
        "replay": finding.replay,
    }


def _unresolved(finding: Finding) -> dict[str, Any]:
    return {**_place(finding), "reason": finding.reason, "replay": finding.replay}


def _place(finding: Finding) -> dict[str, Any]:
    return {
        "scenario": finding.scenario or None,
        "seed": finding.seed if finding.scenario else None,
        "address": None if finding.address is None else f"{finding.address:#x}",
        "symbol": finding.symbol or None,
        "file": finding.file or None,
        "line": finding.line or None,
    }

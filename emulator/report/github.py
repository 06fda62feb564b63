# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as GitHub's workflow commands: an annotation at the file and line of each failure, then the counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.checks.finding import Finding
from emulator.checks.verdicts import Report, Row
from emulator.report.findings import counts, said
from emulator.report.lines import plain


def render(reports: Sequence[Report]) -> str:
    """Lines for the log of a job."""
    commands = [text for report in reports for row in report.rows for text in _row(report, row)]
    notes = [f"::notice title={_property(report.name)}::{_data(note)}" for report in reports for note in report.notes]
    return "".join(f"{text}\n" for text in commands + notes) + plain(counts(reports))


def _row(report: Report, row: Row) -> Iterator[str]:
    for finding in row.findings:
        if finding.verdict.bad:
            yield f"::error {_properties(report, row, finding)}::{_data(_message(finding))}"


def _message(finding: Finding) -> str:
    what = f"{said(finding)} (scenario {finding.scenario}, seed {finding.seed})" if finding.what else finding.reason
    return "\n".join(text for text in (what, finding.symbol and f"at {finding.symbol}", finding.replay) if text)


def _properties(report: Report, row: Row, finding: Finding) -> str:
    """Where it is annotated: in a user's file, never in one of ours that his repository does not have."""
    title = f"title={_property(f'{report.name}: {row.title}')}"
    mine = report.origin in ("ours", finding.file)
    file = finding.file if mine else report.origin
    if not file:
        return title
    line = f",line={finding.line}" if mine and finding.line else ""
    return f"file={_property(file)}{line},{title}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

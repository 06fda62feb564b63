# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts as JUnit XML, which every CI reads: a suite a variant, a case a clause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from emulator.checks.finding import Finding, Verdict
from emulator.checks.verdicts import Report, Row
from emulator.report.findings import place, said

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold, not even escaped."""
SKIPPED = (Verdict.XFAIL, Verdict.UNSUPPORTED, Verdict.UNTESTED)


def render(reports: Sequence[Report]) -> str:
    """The whole document."""
    root = Element("testsuites", name="mcount-emulator")
    for report in reports:
        _suite(root, report)
    indent(root)
    data: bytes = tostring(root, encoding="us-ascii", xml_declaration=True)
    return data.decode() + "\n"


def _suite(root: Element, report: Report) -> None:
    counts = report.counts
    suite = SubElement(
        root,
        "testsuite",
        name=_clean(report.name),
        tests=str(sum(counts.values())),
        failures=str(counts[Verdict.FAIL]),
        errors=str(counts[Verdict.UNRESOLVED]),
        skipped=str(sum(counts[verdict] for verdict in SKIPPED)),
    )
    for row in report.rows:
        case = SubElement(suite, "testcase", classname=f"{report.arch}.{report.variant}", name=_clean(row.title))
        _outcome(case, row)


def _outcome(case: Element, row: Row) -> None:
    """A failure, an error or a skip with its reason; nothing for PASS."""
    if row.verdict in SKIPPED:
        SubElement(case, "skipped", type=row.verdict.value, message=_clean(_reasons(row)))
    elif row.verdict.bad:
        bad = [finding for finding in row.findings if finding.verdict is row.verdict]
        message = "; ".join(finding.what or finding.reason for finding in bad)
        kind = "failure" if row.verdict is Verdict.FAIL else "error"
        told = SubElement(case, kind, type=row.verdict.value, message=_clean(message))
        told.text = _clean("\n\n".join(_told(finding) for finding in bad))


def _reasons(row: Row) -> str:
    return "; ".join(dict.fromkeys(finding.reason for finding in row.findings if finding.reason))


def _told(finding: Finding) -> str:
    first = f"{said(finding)}\nscenario {finding.scenario}, seed {finding.seed}" if finding.what else finding.reason
    return "\n".join(text for text in (first, place(finding), finding.replay) if text)


def _clean(text: str) -> str:
    return NOT_XML.sub("?", text)

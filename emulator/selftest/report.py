# SPDX-License-Identifier: GPL-2.0-only
"""Suites as text, a line or two a case, and as one JSON document, described in docs/json.md."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from emulator.report.lines import WIDTH, Line, Span, heading, line, table
from emulator.selftest.case import Judged, Suite, Verdict

SCHEMA = "mcount-emulator/selftest/1"
STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.XFAIL: "yellow", Verdict.UNSUPPORTED: "dim"}
VERDICT_WIDTH = max(len(verdict.value) for verdict in Verdict)


def render(suites: Sequence[Suite]) -> list[Line]:
    """For a terminal: every case, then a line of counts a variant."""
    lines: list[Line] = []
    for suite in suites:
        lines += [heading(_title(suite)), *_cases(suite), []]
    return lines + table([_counts(suite) for suite in suites])


def _title(suite: Suite) -> str:
    origin = "" if suite.subject.ours else f", trampolines of {suite.subject.origin}"
    return f"{suite.subject.arch.name} {suite.subject.variant.name}: the kernel's own tests{origin}"


def _cases(suite: Suite) -> Iterator[Line]:
    names = max((len(judged.case.name) for judged in suite.judged), default=0)
    for source, cases in groupby(suite.judged, key=lambda judged: judged.case.source):
        yield line(f"  {source}")
        for judged in cases:
            yield from _case(judged, names)
            if judged.verdict is Verdict.FAIL:
                yield line("    ", Span(replay(suite, judged), "dim"))


def _case(judged: Judged, names: int) -> Iterator[Line]:
    """Verdict, name, what it asks, what it said, and why."""
    column = 4 + VERDICT_WIDTH + 2 + names + 2
    first, *more = textwrap.wrap(_words(judged), WIDTH - column)
    verdict = Span(judged.verdict.value.ljust(VERDICT_WIDTH + 2), STYLES[judged.verdict])
    yield line("    ", verdict, judged.case.name.ljust(names + 2), first)
    for rest in more:
        yield line(" " * column, rest)


def _words(judged: Judged) -> str:
    if judged.verdict is Verdict.UNSUPPORTED:
        return judged.reason
    said = f": {judged.text}" if judged.text else ""
    return f"{judged.case.title}{said}{f'; {judged.reason}' if judged.reason else ''}"


def replay(suite: Suite, judged: Judged) -> str:
    """The command that runs just this case again."""
    subject = suite.subject
    words = ["mcount-emulator", "selftest", subject.arch.name, "--variant", subject.variant.name]
    words += [*subject.words, "--case", judged.case.name] + ([] if suite.seed == 1 else ["--seed", str(suite.seed)])
    return shlex.join(words)


def _counts(suite: Suite) -> list[str | Span]:
    cells: list[str | Span] = [f"{suite.subject.arch.name} {suite.subject.variant.name}"]
    for verdict, count in suite.counts.items():
        cells.append(Span(f"{count:3} {verdict.value}", STYLES[verdict] if count else "dim"))
    return cells


def document(suites: Sequence[Suite]) -> dict[str, Any]:
    """The same as data."""
    return {
        "schema": SCHEMA,
        "arch": suites[0].subject.arch.name,
        "seed": suites[0].seed,
        "variants": [_variant(suite) for suite in suites],
    }


def _variant(suite: Suite) -> dict[str, Any]:
    return {
        "release": suite.subject.variant.release,
        "variant": suite.subject.variant.name,
        "source": suite.subject.origin,
        "counts": {verdict.value: count for verdict, count in suite.counts.items()},
        "cases": [_judged(suite, judged) for judged in suite.judged],
    }


def _judged(suite: Suite, judged: Judged) -> dict[str, Any]:
    case = judged.case
    return {
        "name": case.name,
        "title": case.title,
        "from": case.source,
        "verdict": judged.verdict.value,
        "text": judged.text,
        "reason": judged.reason,
        "replay": replay(suite, judged),
    }

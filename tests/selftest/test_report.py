# SPDX-License-Identifier: GPL-2.0-only
"""What a suite looks like: a case a line in a hundred columns, and the same as data."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from emulator import catalog
from emulator.cli import parser
from emulator.report.lines import WIDTH, plain
from emulator.selftest import CASES, Suite, Verdict, report, run
from emulator.selftest.case import Judged
from emulator.subject import load


@pytest.fixture(scope="module")
def suites() -> list[Suite]:
    arch = catalog.load("arm")
    return [run(subject, CASES) for subject in load(arch, [arch.variant("3.7"), arch.variant("6.12")])]


def failed(suite: Suite, text: str) -> Suite:
    judged = [Judged(CASES[0], Verdict.FAIL, text), *suite.judged[1:]]
    return suite._replace(judged=tuple(judged))


def test_every_case_has_a_line_and_every_variant_its_counts(suites: list[Suite]) -> None:
    lines = plain(report.render(suites)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    verdicts = {verdict.value for verdict in Verdict}
    shown = [words[1] for words in map(str.split, lines) if words and words[0] in verdicts]
    assert shown == [case.name for case in CASES] * 2
    assert lines[-1].split()[:4] == ["arm", "6.12", str(suites[1].counts[Verdict.PASS]), "PASS"]
    assert lines[-2].split()[:2] == ["arm", "3.7"]


def test_a_verdict_says_why(suites: list[Suite]) -> None:
    text = " ".join(plain(report.render(suites)).split())
    assert "UNSUPPORTED storage-1 no fgraph_reserve_data" not in text
    assert "UNSUPPORTED storage-1 3.7 has no fgraph_reserve_data()" in text
    assert "XFAIL recursion-safe ftrace recursion safe: callback not called expected 1 times (2); 3.7 begins" in text
    assert "PASS regs ftrace regs UNSUPPORTED" not in text


def test_a_failure_says_what_and_how_to_see_just_that(suites: list[Suite]) -> None:
    lines = plain(report.render([failed(suites[1], "no entries found")])).splitlines()
    (number,) = [number for number, line in enumerate(lines) if "FAIL  " in line and "XFAIL" not in line][:1]
    assert lines[number].split(maxsplit=2) == ["FAIL", "function", "tracer function: no entries found"]
    words = shlex.split(lines[number + 1])
    assert words[0] == "mcount-emulator"
    options = parser().parse_args(words[1:])
    assert (options.arch, options.variant, options.case, options.seed) == ("arm", "6.12", ["function"], 1)


def test_the_replay_names_seed_and_source(suites: list[Suite]) -> None:
    subject = suites[0].subject
    users = replace(subject, origin="my own.S", words=("--source", "my own.S"))
    suite = Suite(users, 5, (Judged(CASES[0], Verdict.FAIL),))
    options = parser().parse_args(shlex.split(report.replay(suite, suite.judged[0]))[1:])
    assert (str(options.source), options.seed) == ("my own.S", 5)


def test_the_document_says_the_same(suites: list[Suite]) -> None:
    document = report.document(suites)
    assert (document["schema"], document["arch"], document["seed"]) == ("mcount-emulator/selftest/1", "arm", 1)
    assert [variant["variant"] for variant in document["variants"]] == ["3.7", "6.12"]
    for variant, suite in zip(document["variants"], suites, strict=True):
        assert sum(variant["counts"].values()) == len(variant["cases"]) == len(CASES)
        assert variant["counts"]["PASS"] == suite.counts[Verdict.PASS]
        assert {case["verdict"] for case in variant["cases"]} <= {verdict.value for verdict in Verdict}

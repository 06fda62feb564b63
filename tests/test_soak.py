# SPDX-License-Identifier: GPL-2.0-only
"""The long run, made short: it judges what check judges, in any order, and sees what goes wrong."""

from __future__ import annotations

import importlib.util
import random
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from emulator import catalog
from emulator.checks.finding import Verdict
from emulator.subject import Subject, load

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "soak.py"
READER = """
import sys
text = open(sys.argv[2]).read()  # called as FILE parse KTAP
skipped = text.count("# SKIP")
count = f"passed: {text.count(chr(10) + '  ok ') - skipped}, failed: 0, skipped: {skipped}"
print(%s)
"""
"""What stands in for kunit.py."""


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    spec = importlib.util.spec_from_file_location("soak", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["soak"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def subject() -> Subject:
    arch = catalog.load("arm")
    return load(arch, [arch.variant("6.12-static")])[0]


@pytest.fixture(scope="module")
def reports(soak: Any, subject: Subject) -> Any:
    return soak._reports([subject], range(1, 3), 1, random.Random(1))


def test_our_own_is_silent_in_any_order(soak: Any, subject: Subject, reports: Any) -> None:
    (again,) = soak._reports([subject], range(1, 3), 1, random.Random(2))
    assert {row.verdict for row in again.rows} <= {Verdict.PASS, Verdict.XFAIL, Verdict.UNSUPPORTED}
    assert [(row.clause, row.verdict) for row in again.rows] == [(row.clause, row.verdict) for row in reports[0].rows]
    assert again.asked == reports[0].asked


def test_what_is_wrong_is_seen(soak: Any, subject: Subject) -> None:
    whole = subject.trampolines
    text = whole.sections[".text"]
    blank = text._replace(data=bytes(4) + text.data[4:])
    broken = replace(whole, sections={**whole.sections, ".text": blank})
    (report,) = soak._reports([replace(subject, trampolines=broken, altered=True)], range(1, 2), 1, random.Random(1))
    assert any(row.verdict.bad for row in report.rows)


@pytest.mark.parametrize(
    ("says", "told"),
    [("count", ""), ("'passed: 1, skipped: 1'", "kunit.py counts"), ("'ERROR: strange', count", "ERROR: strange")],
)
def test_the_kernels_reader_has_to_count_the_same(
    soak: Any, reports: Any, tmp_path: Path, says: str, told: str
) -> None:
    kunit = tmp_path / "kunit.py"
    kunit.write_text(READER % says)
    found = "\n".join(soak._differences(kunit, reports))
    assert found.startswith(told) if told else not found

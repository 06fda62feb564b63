# SPDX-License-Identifier: GPL-2.0-only
"""Our own trampolines pass: a verdict on every case in every variant, and what cannot be run says what is missing."""

from __future__ import annotations

import functools
import re

import pytest

from emulator import catalog
from emulator.description import Ability, Arch, Variant
from emulator.selftest import CASES, Suite, Verdict, run
from emulator.subject import load

VARIANTS = [(arch, variant) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]


@functools.cache
def suite(arch: Arch, variant: Variant, seed: int = 1) -> Suite:
    (subject,) = load(arch, [variant])
    return run(subject, CASES, seed)


def names(judged: Suite, verdict: Verdict) -> set[str]:
    return {item.case.name for item in judged.judged if item.verdict is verdict}


@pytest.mark.parametrize(("arch", "variant"), VARIANTS, ids=lambda item: item.name)
def test_our_own_trampolines_pass(arch: Arch, variant: Variant) -> None:
    judged = suite(arch, variant)
    assert [f"{item.case.name}: {item.text}" for item in judged.judged if item.verdict is Verdict.FAIL] == []
    assert names(judged, Verdict.PASS) >= {"function", "parent-ip", "registers"}
    assert len(judged.judged) == len(CASES)


@pytest.mark.parametrize(("arch", "variant"), VARIANTS, ids=lambda item: item.name)
def test_what_cannot_be_run_says_what_is_missing(arch: Arch, variant: Variant) -> None:
    for item in suite(arch, variant).judged:
        if item.verdict is Verdict.UNSUPPORTED:
            assert re.search(r"\b(no|one user|does not work|behind the prologue)\b", item.reason), item


def test_the_newest_kernel_has_nearly_everything() -> None:
    arch = catalog.load("x86_64")
    judged = suite(arch, arch.variant("6.12"))
    assert names(judged, Verdict.UNSUPPORTED) == {"function-trace-stop", "frame-pointer-test"}
    assert names(judged, Verdict.XFAIL) == set()


@pytest.mark.parametrize(
    ("arch", "variant", "expected"),
    [
        ("x86_64", "3.7", {"fgraph-filter-stack", "op-argument"}),
        ("x86_64", "3.6", {"fgraph-filter-stack"}),
        ("arm", "3.7", {"fgraph-filter-stack", "recursion-safe"}),
        ("arm", "6.1", set()),
        ("arm", "6.1-static", {"function-graph"}),
        ("arm", "6.12-static", {"function-graph"}),
    ],
)
def test_what_must_fail_is_known_by_name(arch: str, variant: str, expected: set[str]) -> None:
    declared = catalog.load(arch)
    judged = suite(declared, declared.variant(variant))
    assert names(judged, Verdict.XFAIL) == expected
    assert all(item.reason for item in judged.judged if item.verdict is Verdict.XFAIL)


@pytest.mark.parametrize("seed", range(2, 5))
def test_the_verdicts_do_not_depend_on_the_seed(seed: int) -> None:
    for name in catalog.names():
        arch = catalog.load(name)
        variant = arch.variant(arch.releases[-1])
        first, other = suite(arch, variant), suite(arch, variant, seed)
        assert [item[1:] for item in first.judged] == [item[1:] for item in other.judged]


def test_every_case_is_run_somewhere() -> None:
    passed: set[str] = set()
    for arch, variant in VARIANTS:
        passed |= names(suite(arch, variant), Verdict.PASS)
    assert passed == {case.name for case in CASES}


def test_names_are_unique_and_titles_fit() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", case.name) for case in CASES)
    assert all(case.needs & ~Ability.NONE or case.needs is Ability.NONE for case in CASES)

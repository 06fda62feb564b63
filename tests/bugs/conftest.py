# SPDX-License-Identifier: GPL-2.0-only
"""Bugs recreated: a change to one of our sources, declarations or models, which the right clause has to catch.

A test is marked caught(CLAUSE, ARCH, VARIANTS) and gets, for each variant, a `bug` to describe what is wrong with. A
module of small ones has them in a list TRANSPLANTS instead: (where the idea is from, variants, clause, what is wrong,
file or "", edits...), for its ARCH.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from emulator import catalog
from emulator.assembly import choose
from emulator.assembly.piece import Source
from emulator.checks.exercises import EXERCISES
from emulator.checks.exercises.transitions import Transition
from emulator.checks.judge import Judgement, judge
from emulator.subject import KERNEL, Subject, load

Edit = tuple[str, str]


class Asked(NamedTuple):
    """What a clause needs to show: code that is changed meanwhile, or somebody who writes below sp."""

    timed: bool
    disturbed: bool


def asked(clause: str) -> Asked:
    """The others need neither."""
    return Asked(timed=clause in ("P3", "P4"), disturbed=clause == "U3")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "caught(clause, arch, variants): which clause must catch a bug, and on which")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = list(metafunc.definition.iter_markers("caught"))
    if marks:
        cases = [
            (clause, arch, name) for clause, arch, names in (mark.args for mark in marks) for name in names.split()
        ]
        metafunc.parametrize("bug", cases, indirect=True, ids=[f"{arch}-{name}" for _, arch, name in cases])
    elif "edits" in metafunc.fixturenames:
        metafunc.parametrize(("bug", "file", "edits"), list(transplants(metafunc.module)), indirect=["bug"])


def transplants(module: Any) -> Iterator[Any]:
    for _, variants, clause, what, file, *edits in module.TRANSPLANTS:
        for name in variants.split():
            yield pytest.param((clause, module.ARCH, name), file, edits, id=f"{what}-{name}")


@pytest.fixture
def bug(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bug:
    """A kernel that is as it should be until the test spoils it; the clause is silent for it so far."""
    clause, arch, variant = request.param
    assert clause not in told(arch, variant, asked(clause))
    return Bug(clause, arch, variant, tmp_path, monkeypatch)


@functools.cache
def told(arch: str, variant: str, how: Asked) -> frozenset[str]:
    """The clauses that find something wrong with our own code: none, but that is for other tests to show."""
    declared = catalog.load(arch)
    (subject,) = load(declared, [declared.variant(variant)])
    return frozenset(id_ for found in judgements(subject, how) for id_, seen in found.seen.items() if seen.wrong)


def judgements(subject: Subject, how: Asked) -> Iterator[Judgement]:
    """One exercise after another."""
    for exercise in EXERCISES.values():
        if exercise.possible(subject.variant) and isinstance(exercise, Transition) == how.timed:
            yield judge(subject, [1], exercises=[exercise], events=how.timed, disturb=how.disturbed)


class Bug:
    """What is wrong with a kernel of ours, and whether it is caught."""

    def __init__(self, clause: str, arch: str, variant: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clause, self.arch = clause, catalog.load(arch)
        self.variant = self.arch.variant(variant)
        self._folder, self._texts = folder, dict[str, str]()
        self.patch = monkeypatch.setattr
        """patch(owner, name, value): another function in the core or the patcher."""

    def edit(self, *edits: Edit, file: str = "") -> None:
        """Change the variant's source, or another file of ours: each old text stands there exactly once."""
        name = file or self.variant.source
        text = self._texts.get(name) or catalog.source_text(self.arch, name)
        for old, new in edits:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
            text = text.replace(old, new)
        self._texts[name] = text

    def declare(self, **changes: Any) -> None:
        """Change the variant's declaration."""
        self.variant = replace(self.variant, **changes)

    def must_be_caught(self) -> None:
        """The right clause fires; what others find does not matter."""
        others = set[str]()
        for found in judgements(self._subject(), asked(self.clause)):
            wrong = {id_: [*seen.wrong] for id_, seen in found.seen.items() if seen.wrong}
            if self.clause in wrong:
                return
            others |= wrong.keys()
        pytest.fail(f"{self.clause} is silent; there fire: {sorted(others)}")

    def _subject(self) -> Subject:
        for name, text in self._texts.items():
            (self._folder / name).write_text(text)
        source = self._folder / self.variant.source
        if self._texts and not source.exists():  # which includes the changed one
            source.write_text(catalog.source_text(self.arch, self.variant.source))
        (subject,) = load(self.arch, [self.variant], source=source if self._texts else None)
        return self._with_kernel(subject) if {KERNEL, "direct.S"} & self._texts.keys() else subject

    def _with_kernel(self, subject: Subject) -> Subject:
        folders = str(self._folder), str(catalog.trampolines(self.arch))
        text = self._texts.get(KERNEL) or catalog.source_text(self.arch, KERNEL)
        source = Source(KERNEL, text, {**self.variant.defines}, folders)
        (kernel,) = choose(None, self.arch).assemble(self.arch, [source])
        return replace(subject, kernel=kernel)

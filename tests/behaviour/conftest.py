# SPDX-License-Identifier: GPL-2.0-only
"""Sides to compare: of our own variants, which are looked at once, and of sources with small edits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import catalog
from emulator.behaviour import behaviour
from emulator.behaviour.saved import SCHEMA, Side, sides
from emulator.subject import Subject, load

Edited = Callable[..., Side]


def side(subject: Subject) -> Side:
    """What is compared of a subject, verdicts apart."""
    told = {
        "arch": subject.arch.name,
        "release": subject.variant.release,
        "variant": subject.variant.name,
        "source": subject.origin,
        "clauses": [],
        "behaviour": behaviour(subject),
    }
    (made,) = sides({"schema": SCHEMA, "variants": [told]}, "test")
    return made


@functools.cache
def own(arch: str, variant: str) -> Side:
    """A variant of ours."""
    declared = catalog.load(arch)
    (subject,) = load(declared, [declared.variant(variant)])
    return side(subject)


@pytest.fixture
def ours() -> Callable[[str, str], Side]:
    """(arch, variant) -> its side."""
    return own


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    """(arch, variant, (old, new)...) -> the side of its source with changed text, which stands there once."""

    def make(arch: str, variant: str, *edits: tuple[str, str]) -> Side:
        declared = catalog.load(arch)
        chosen = declared.variant(variant)
        text = catalog.source_text(declared, chosen.source)
        for old, new in edits:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {chosen.source}"
            text = text.replace(old, new)
        path = tmp_path / "mine.S"
        path.write_text(text)
        (subject,) = load(declared, [chosen], source=path)
        return side(subject)

    return make

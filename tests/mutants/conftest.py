# SPDX-License-Identifier: GPL-2.0-only
"""Subjects whose trampolines are changed."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from emulator import catalog
from emulator.subject import Subject, load


@functools.cache
def _own(arch: str, variant: str) -> Subject:
    declared = catalog.load(arch)
    (made,) = load(declared, [declared.variant(variant)])
    return made


@pytest.fixture
def own() -> Callable[[str, str], Subject]:
    """A variant's own trampolines, by the names of architecture and variant; the same ones each time."""
    return _own

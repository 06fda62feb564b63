# SPDX-License-Identifier: GPL-2.0-only
"""What all tests share: repeatable examples, and a run that refuses to prove a wheel with the checkout's code."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

import emulator
from emulator import catalog
from emulator.lab import Lab

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--installed", action="store_true", help="fail unless the emulator under test is an installed one")


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.getoption("--installed") and home() != Path(sysconfig.get_path("purelib")).resolve():
        raise pytest.UsageError(f"--installed, but the emulator under test is {emulator.__file__}")


def home() -> Path:
    """The folder that the emulator under test was imported from."""
    assert emulator.__file__ is not None
    return Path(emulator.__file__).resolve().parents[1]


@pytest.fixture
def tampered(tmp_path: Path) -> Callable[..., Lab]:
    """Makes a kernel of a variant's own trampolines with changed text: (arch, variant, (old, new)...) -> Lab.

    Each `old` stands in the source exactly once.
    """

    def make(arch: str, variant: str, *edits: tuple[str, str]) -> Lab:
        declared = catalog.load(arch)
        path = tmp_path / declared.variant(variant).source
        text = catalog.source_text(declared, path.name)
        for old, new in edits:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
            text = text.replace(old, new)
        path.write_text(text)
        return Lab(arch, variant=variant, source=path)

    return make

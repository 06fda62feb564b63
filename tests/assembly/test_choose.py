# SPDX-License-Identifier: GPL-2.0-only
"""Which assembler is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from emulator import assembly, catalog
from emulator.errors import InputError, UnknownName

ARCH = catalog.load("x86_64")


class Fake:
    """Stands for an assembler; `reason` is why it is not there."""

    def __init__(self, name: str, reason: str | None) -> None:
        self.name, self.reason = name, reason

    def available(self, _arch: object) -> str | None:
        return self.reason


def have(monkeypatch: pytest.MonkeyPatch, keystone: str | None, gnu: str | None) -> None:
    fakes = {"keystone": Fake("keystone", keystone), "gnu": Fake("gnu", gnu)}
    monkeypatch.setattr(assembly, "_load", fakes.__getitem__)


@pytest.mark.parametrize(
    ("name", "keystone", "gnu", "chosen"),
    [
        (None, None, None, "keystone"),
        (None, "not installed", None, "gnu"),
        ("gnu", None, None, "gnu"),
        ("keystone", None, "not on PATH", "keystone"),
    ],
)
def test_keystone_first_then_gnu(
    monkeypatch: pytest.MonkeyPatch, name: str | None, keystone: str | None, gnu: str | None, chosen: str
) -> None:
    have(monkeypatch, keystone, gnu)
    assert assembly.choose(name, ARCH).name == chosen


def test_an_assembler_that_was_asked_for_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "not installed", None)
    with pytest.raises(InputError, match=r"nothing to assemble x86_64 with \(keystone: not installed\)"):
        assembly.choose("keystone", ARCH)


def test_without_any_both_reasons_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "not installed", "not on PATH")
    with pytest.raises(InputError, match=r"\(keystone: not installed; gnu: not on PATH\)"):
        assembly.choose(None, ARCH)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"unknown assembler 'gas'.*keystone, gnu"):
        assembly.choose("gas", ARCH)


def test_the_real_ones_have_the_names_they_are_listed_under() -> None:
    assert {name: assembly._load(name).name for name in assembly.ASSEMBLERS} == {"keystone": "keystone", "gnu": "gnu"}


def test_importing_the_package_loads_no_engine() -> None:
    script = "import sys, emulator.assembly; print(sorted({'keystone', 'capstone', 'unicorn'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"

# SPDX-License-Identifier: GPL-2.0-only
"""The catalog finds what lies in the two folders, in a checkout and in a wheel, and says what is wrong with a file."""

import functools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from emulator import catalog
from emulator.description import Arch
from emulator.errors import InputError, UnknownName

TEMPLATE = """
from dataclasses import replace
from emulator import catalog
from emulator.description import Arch
assert __name__ == "emulator.arch.{stem}"
ARCH = Arch(
    name={name!r}, title="", kernel="", aliases={aliases!r}, engine=None, word=8, registers=(), abi=None, memory=None,
    pt_regs=None, function_return=b"", exit=b"", variants=(),
)
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An arch/ folder of the test's own, in the place of the project's.

    What is loaded of the project's stays what it is: other tests of this process compare declarations by identity.
    """
    (tmp_path / "arch").mkdir()
    (tmp_path / "trampolines").mkdir()
    monkeypatch.setattr(catalog, "folder", tmp_path.joinpath)
    monkeypatch.setattr(catalog, "load", functools.cache(catalog.load.__wrapped__))
    yield tmp_path / "arch"
    for module in [name for name in sys.modules if name.startswith("emulator.arch.toy")]:
        del sys.modules[module]


def put(shelf: Path, stem: str, *, name: str | None = None, aliases: tuple[str, ...] = ()) -> None:
    (shelf / f"{stem}.py").write_text(TEMPLATE.format(stem=stem, name=name or stem, aliases=aliases))


def twice(architectures: Sequence[Arch]) -> list[str]:
    """The names that more than one thing claims, be it as a name or as an alias."""
    claims = [claim for arch in architectures for claim in (arch.name, *arch.aliases)]
    return sorted({claim for claim in claims if claims.count(claim) > 1})


# -- the project's own -------------------------------------------------------------------------------------------------


@pytest.mark.wheel
def test_the_two_architectures_of_the_first_release_are_there() -> None:
    assert {"x86_64", "arm"} <= set(catalog.names())


@pytest.mark.wheel
@pytest.mark.parametrize("name", catalog.names())
def test_every_declaration_loads_under_its_own_name_and_aliases(name: str) -> None:
    arch = catalog.load(name)
    assert arch.name == name
    assert all(catalog.find(alias) is arch for alias in (name, *arch.aliases))


@pytest.mark.wheel
@pytest.mark.parametrize("name", catalog.names())
def test_every_source_that_a_variant_names_is_there(name: str) -> None:
    arch = catalog.load(name)
    for source in {variant.source for variant in arch.variants}:
        assert catalog.source_text(arch, source)


@pytest.mark.wheel
def test_no_name_is_claimed_twice() -> None:
    assert twice([catalog.load(name) for name in catalog.names()]) == []


@pytest.mark.parametrize(("machine", "name"), [("x86_64", "x86_64"), ("armv7l", "arm"), ("pdp11", "x86_64")])
def test_the_host_is_what_uname_says_or_x86_64(monkeypatch: pytest.MonkeyPatch, machine: str, name: str) -> None:
    told = os.uname_result(("Linux", "here", "6.12", "#1", machine))
    monkeypatch.setattr(os, "uname", lambda: told)
    assert catalog.host().name == name


def test_an_architecture_is_loaded_once() -> None:
    assert catalog.load("arm") is catalog.load("arm")


# -- what the catalog refuses, and its legal neighbour -----------------------------------------------------------------


def test_a_new_file_is_seen_without_being_told(shelf: Path) -> None:
    put(shelf, "toy_b")
    put(shelf, "toy_a", aliases=("plaything",))
    put(shelf, "_shared")
    assert catalog.names() == ("toy_a", "toy_b")
    assert catalog.find("plaything") is catalog.load("toy_a")


def test_two_claims_to_one_name_are_seen(shelf: Path) -> None:
    put(shelf, "toy_a", aliases=("one", "two"))
    put(shelf, "toy_b", aliases=("two", "toy_a"))
    assert twice([catalog.load("toy_a"), catalog.load("toy_b")]) == ["toy_a", "two"]


def test_finding_a_stem_reads_no_other_file(shelf: Path) -> None:
    put(shelf, "toy_a")
    (shelf / "toy_broken.py").write_text("raise RuntimeError")
    assert catalog.find("toy_a").name == "toy_a"


def test_an_unknown_name_is_answered_with_the_nearest_name_or_alias(shelf: Path) -> None:
    put(shelf, "toy_a", aliases=("plaything",))
    with pytest.raises(UnknownName, match=r"unknown architecture 'playthong'; did you mean 'plaything'\?"):
        catalog.find("playthong")
    with pytest.raises(UnknownName, match=r"did you mean 'toy_a'\?"):
        catalog.load("toy_b")


@pytest.mark.parametrize("name", ["", ".", "..", "../arch/toy_a", "toy_a.py", "_shared", "toy\0a", "toy_a "])
def test_only_a_stem_is_a_name(shelf: Path, name: str) -> None:
    put(shelf, "toy_a")
    put(shelf, "_shared")
    with pytest.raises(UnknownName):
        catalog.load(name)
    with pytest.raises(UnknownName):
        catalog.find(name)


@pytest.mark.parametrize("text", ["", "ARCH = 'toy'", "from emulator.description import Arch\nARCH = Arch\n"])
def test_a_file_that_declares_nothing_is_named(shelf: Path, text: str) -> None:
    (shelf / "toy_a.py").write_text(text)
    with pytest.raises(InputError, match=r"toy_a\.py: does not end in ARCH = Arch"):
        catalog.load("toy_a")


def test_a_file_that_declares_another_is_named(shelf: Path) -> None:
    put(shelf, "toy_a", name="toy_b")
    with pytest.raises(InputError, match=r"toy_a\.py: declares an architecture called 'toy_b', not 'toy_a'"):
        catalog.load("toy_a")


def test_a_dataclass_with_postponed_annotations_can_live_in_a_declaration(shelf: Path) -> None:
    put(shelf, "toy_a")
    text = (shelf / "toy_a.py").read_text()
    new = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass Own:\n    a: int\n"
    (shelf / "toy_a.py").write_text(new + text)
    assert catalog.load("toy_a").name == "toy_a"


def test_a_declaration_that_fails_leaves_nothing_behind(shelf: Path) -> None:
    (shelf / "toy_a.py").write_text("raise RuntimeError('half way')")
    with pytest.raises(RuntimeError, match="half way"):
        catalog.load("toy_a")
    assert "emulator.arch.toy_a" not in sys.modules


def test_a_source_that_is_not_there_is_named(shelf: Path) -> None:
    put(shelf, "toy_a")
    with pytest.raises(InputError, match=r"toy_a/absent\.S: cannot be read: No such file"):
        catalog.source_text(catalog.load("toy_a"), "absent.S")

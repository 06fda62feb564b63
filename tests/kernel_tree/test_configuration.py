# SPDX-License-Identifier: GPL-2.0-only
"""Configurations: read, or taken from variants; which variant is configured so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator import catalog
from emulator.description import Arch
from emulator.errors import InputError, UsageError
from emulator.kernel_tree.configuration import Configuration, assumed, expect_fitting, fitting, read, read_autoconf

ARCHES = [catalog.load(name) for name in catalog.names() if catalog.load(name).kbuild]


def test_a_config_is_autoconf(tmp_path: Path) -> None:
    file = tmp_path / ".config"
    file.write_text(
        '# a comment\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\n\nCONFIG_D=0x10\nCONFIG_E="x \\"y"\nCONFIG_F=-3\n'
    )
    found = read(file)
    expected = {"CONFIG_A": "1", "CONFIG_B_MODULE": "1", "CONFIG_D": "0x10", "CONFIG_E": '"x \\"y"', "CONFIG_F": "-3"}
    assert found.macros() == expected
    header = tmp_path / "autoconf.h"
    header.write_text("/*\n * Automatically generated file; DO NOT EDIT.\n */\n" + found.header())
    assert read_autoconf(header).macros() == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CONFIG_A=y\nnonsense\n", 2),
        ("CONFIG_A=yes\n", 1),
        ("config_a=y\n", 1),
        ("CONFIG_A\n", 1),
        ('CONFIG_A="\n', 1),
        ("#x\n", 0),
    ],
)
def test_what_is_no_config(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "c").write_text(text)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "c")
    assert caught.value.place
    assert caught.value.place.line == line


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_every_variants_configuration_leads_back_to_it(arch: Arch) -> None:
    for variant in arch.variants:
        if variant.release in ("6.1", "6.12"):
            assert fitting(arch, variant.release, assumed(arch, variant)) is variant


def test_another_configuration_is_refused_by_its_symbols() -> None:
    arch = catalog.load("x86_64")
    given = Configuration(assumed(arch, arch.variant("6.12-fp")).values, "my.config")
    with pytest.raises(UsageError, match=r"my\.config: CONFIG_FRAME_POINTER is y, .* variant 6\.12$"):
        expect_fitting(arch.variant("6.12"), given, arch.variants)
    without = {name: value for name, value in given.values.items() if name != "CONFIG_FUNCTION_GRAPH_TRACER"}
    with pytest.raises(UsageError, match="CONFIG_FUNCTION_GRAPH_TRACER is not set"):
        fitting(arch, "6.12", Configuration(without, "my.config"))


def test_an_architecture_without_a_declaration() -> None:
    arch = replace(catalog.load("arm"), kbuild=None)
    with pytest.raises(UsageError, match="arm: it is not declared"):
        assumed(arch, arch.variant("6.12"))

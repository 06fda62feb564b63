# SPDX-License-Identifier: GPL-2.0-only
"""The support matrix on the committed page is the one that the declarations make."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import catalog
from emulator.report import support

PAGE = Path(__file__).parents[2] / "docs" / "support.md"
ARCHS = [catalog.load(name) for name in catalog.names()]


def test_the_committed_page_is_fresh() -> None:
    assert PAGE.read_text() == support.markdown(ARCHS), (
        "make it anew: mcount-emulator list --markdown -o docs/support.md"
    )


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
def test_the_document_says_what_is_declared(arch: object) -> None:
    (shown,) = (item for item in support.document(ARCHS)["architectures"] if item["name"] == getattr(arch, "name", ""))
    declared = catalog.load(shown["name"])
    assert [variant["name"] for variant in shown["variants"]] == [variant.name for variant in declared.variants]
    for made, variant in zip(shown["variants"], declared.variants, strict=True):
        assert set(made["abilities"]) == set(support.abilities(variant))
        assert len(made["quirks"]) == len(variant.quirks)

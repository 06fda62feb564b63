# SPDX-License-Identifier: GPL-2.0-only
"""Our own trampolines and kernels, in every configuration, give the very bytes of GNU as and ld."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import pytest

from emulator import catalog
from emulator.asm_offsets import offsets
from emulator.description import Arch
from emulator.subject import KERNEL

Comparison = Callable[[str, str, Mapping[str, int]], None]


def configurations() -> Iterator[tuple[str, str, str]]:
    """(architecture, variant, file)."""
    for name in catalog.names():
        for variant in catalog.load(name).variants:
            yield name, variant.name, variant.source
            yield name, variant.name, KERNEL


def inlined(arch: Arch, file: str) -> str:
    """The text of a source with every file that it includes in the place where it does."""
    text = catalog.source_text(arch, file)
    return re.sub(r'^\s*\.include "(.+)"$', lambda found: inlined(arch, found[1]), text, flags=re.MULTILINE)


@pytest.mark.gnu_as
@pytest.mark.parametrize(("name", "variant", "file"), list(configurations()))
def test_same_bytes(name: str, variant: str, file: str, same_as_gnu: Comparison) -> None:
    arch = catalog.load(name)
    text = re.sub(r"//.*", "", inlined(arch, file))  # only a preprocessor takes these for comments
    declared = arch.variant(variant)
    same_as_gnu(name, text, {**offsets(arch, declared), **declared.defines})

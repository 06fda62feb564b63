# SPDX-License-Identifier: GPL-2.0-only
"""Our own trampolines and kernels, in every configuration, give the very bytes of GNU as and ld."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import pytest

from emulator import catalog

Comparison = Callable[[str, str, Mapping[str, int]], None]


def configurations() -> Iterator[tuple[str, str, str]]:
    """(architecture, variant, file)."""
    for name in catalog.names():
        for variant in catalog.load(name).variants:
            yield name, variant.name, variant.source
            yield name, variant.name, "kernel.S"


@pytest.mark.gnu_as
@pytest.mark.parametrize(("name", "variant", "file"), list(configurations()))
def test_same_bytes(name: str, variant: str, file: str, same_as_gnu: Comparison) -> None:
    arch = catalog.load(name)
    record = {f"PT_{member.name}": member.offset for member in arch.pt_regs.members} | {"PT_SIZE": arch.pt_regs.size}
    text = catalog.source_text(arch, file)
    text = re.sub(r'^\s*\.include "(.+)"$', lambda found: catalog.source_text(arch, found[1]), text, flags=re.MULTILINE)
    text = re.sub(r"//.*", "", text)  # only a preprocessor takes these for comments
    same_as_gnu(name, text, {**record, **arch.variant(variant).defines})

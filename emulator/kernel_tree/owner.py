# SPDX-License-Identifier: GPL-2.0-only
"""Which architecture a source of the kernel's is for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

from emulator import catalog
from emulator.description import Arch


def arch_of_source(source: Path) -> Arch | None:
    """The declared architecture whose file that is, by its folder and its name; None where nobody claims it."""
    return next((arch for arch in map(catalog.load, catalog.names()) if _claims(arch, source)), None)


def _claims(arch: Arch, source: Path) -> bool:
    """Two architectures may share arch/<kernel>, as i386 and x86_64 do."""
    below = ("arch", arch.kernel) in pairwise(source.parts)
    return below and arch.kbuild is not None and fnmatchcase(source.name, arch.kbuild.sources)

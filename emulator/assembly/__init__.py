# SPDX-License-Identifier: GPL-2.0-only
"""From source text to relocatable pieces. Two assemblers stand behind one interface; `choose` picks one."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from emulator.assembly.piece import Piece, Source
from emulator.description import Arch
from emulator.errors import InputError, UnknownName

ASSEMBLERS = {"keystone": "KeystoneAssembler", "gnu": "GnuAssembler"}
"""By name, in the order in which they are tried: the class in the module of that name."""


class Assembler(Protocol):
    """Turns GNU-as source into pieces."""

    name: str

    def available(self, arch: Arch) -> str | None:
        """None where it can assemble for `arch` on this machine, otherwise why not."""

    def assemble(self, arch: Arch, sources: Sequence[Source]) -> list[Piece]:
        """A Piece for each source, in order. Raises AssemblyError with the place of the first error."""
        ...


def choose(name: str | None, arch: Arch) -> Assembler:
    """The assembler called `name`; without a name keystone, or GNU as where keystone is not installed.

    Raises UnknownName, and InputError with the reasons where it (or with no name: any) cannot be used here.
    """
    if name is not None and name not in ASSEMBLERS:
        raise UnknownName("assembler", name, ASSEMBLERS)
    reasons = []
    for assembler in map(_load, [name] if name else ASSEMBLERS):
        reason = assembler.available(arch)
        if reason is None:
            return assembler
        reasons.append(f"{assembler.name}: {reason}")
    raise InputError(f"nothing to assemble {arch.name} with ({'; '.join(reasons)})")


def _load(name: str) -> Assembler:
    module = importlib.import_module(f"{__name__}.{name}")
    return cast("Assembler", getattr(module, ASSEMBLERS[name])())

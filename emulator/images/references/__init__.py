# SPDX-License-Identifier: GPL-2.0-only
"""What finished instructions refer to. A module per assembler language, called as in emulator.assembly.dialects.

Each has references(), from a run of instructions to the fields in it that depend on addresses, ends(), whether control
never goes on from an instruction to the next one, and calls(), whether it comes back there.
"""

from __future__ import annotations

import enum
import functools
import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from emulator.description import Engine
from emulator.errors import UsageError


class Role(enum.Enum):
    """What is at the address that a field means."""

    CODE = enum.auto()
    DATA = enum.auto()
    NUMBER = enum.auto()
    """Nothing is done there: the address itself is compared, or passed on; if it is one."""
    LITERAL = enum.auto()
    """A word between instructions that belongs to them."""


class Reference(NamedTuple):
    """A field at an address, filled as fixup `kind` fills it with `target` + `addend`."""

    field: int
    kind: str
    target: int
    addend: int
    role: Role


class Decoded(NamedTuple):
    """An instruction at its address; `detail` is capstone's description of it as if it were at address 0."""

    address: int
    data: bytes
    detail: Any

    @property
    def end(self) -> int:
        """The address of the next one."""
        return self.address + len(self.data)


class Language(NamedTuple):
    """What is to be known of an assembler language."""

    references: Callable[[Sequence[Decoded]], Iterable[Reference]]
    ends: Callable[[Decoded], bool]
    calls: Callable[[Decoded], bool]
    word: str
    """The fixup that fills a word of data with an address."""


@functools.cache
def language(engine: Engine) -> Language:
    """The language that an architecture's engine names. Raises UsageError where nobody has described it."""
    try:
        module = importlib.import_module(f"{__name__}.{engine.dialect}")
    except ModuleNotFoundError:
        raise UsageError(f"no kernel images: what {engine.dialect} instructions refer to is not described") from None
    return Language(module.references, module.ends, module.calls, module.WORD)

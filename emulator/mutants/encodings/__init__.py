# SPDX-License-Identifier: GPL-2.0-only
"""Where an instruction's fields are. A module per assembler language, called as in emulator.assembly.dialects.

Each has fields(), from an instruction's bytes to its fields, and what Encoding says of NOP, WHOLE and ADDRESSES; STORES
where there are any.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from emulator.description import Engine
from emulator.errors import UsageError
from emulator.mutants.field import Field


class Encoding(NamedTuple):
    """How instructions of one machine language are made up."""

    fields: Callable[[bytes], Iterable[Field]]
    nop: bytes
    """The shortest instruction that does nothing."""
    whole: Mapping[str, str]
    """Names of parts of registers, each with the whole register's."""
    addresses: frozenset[str]
    """Mnemonics of instructions that only compute the address of their operand in memory."""
    stores: frozenset[str] = frozenset()
    """Mnemonics of those that only write to it, where the disassembler says that they read it as well."""


def encoding(engine: Engine) -> Encoding:
    """The encoding that an architecture's engine names. Raises UsageError where nobody has described it."""
    try:
        module = importlib.import_module(f"{__name__}.{engine.dialect}")
    except ModuleNotFoundError:
        raise UsageError(f"no mutants: the encoding of {engine.dialect} instructions is not described") from None
    return Encoding(module.fields, module.NOP, module.WHOLE, module.ADDRESSES, getattr(module, "STORES", frozenset()))

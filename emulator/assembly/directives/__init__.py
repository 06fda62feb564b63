# SPDX-License-Identifier: GPL-2.0-only
"""Directives that mean the same on every architecture (GNU as manual, "Assembler Directives").

A handler gets the SourceReader and the operands as text, and raises ValueError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.assembly.directives import data, gaps, sections, symbols

if TYPE_CHECKING:
    from emulator.assembly.reader import SourceReader

HANDLERS: dict[str, Callable[[SourceReader, str], None]] = {
    **data.HANDLERS,
    **gaps.HANDLERS,
    **symbols.HANDLERS,
    **sections.HANDLERS,
}
IGNORED = frozenset(
    ".addrsig .arch .cpu .extern .file .hidden .ident .internal .line .ln .loc .local .protected .version".split()
)
"""Directives without an effect on bytes and symbols, beside .cfi_*."""

# SPDX-License-Identifier: GPL-2.0-only
"""Sections that only the kernel's build, its boot or its module loader read, and that no trampoline runs through."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from emulator.assembly.piece import Piece

EVERYWHERE = (
    ".discard*",
    ".comment",
    ".note*",
    ".modinfo",
    ".export_symbol",
    "___ksymtab*",
    "___kcrctab*",
    "__ksymtab_strings",
    "__jump_table",
    "__ex_table",
)
"""Patterns of their names on all architectures (include/asm-generic/vmlinux.lds.h)."""


def drop(piece: Piece, patterns: Iterable[str]) -> Piece:
    """The piece without such sections, as far as no other section refers to them."""
    every = (*EVERYWHERE, *patterns)
    unread = {name for name in piece.sections if any(fnmatchcase(name, pattern) for pattern in every)}
    home = _homes(piece)
    while needed := {home.get(fixup.symbol) for fixup in piece.fixups if fixup.section not in unread} & unread:
        unread -= needed
    if not unread:
        return piece
    return dataclasses.replace(
        piece,
        sections={name: section for name, section in piece.sections.items() if name not in unread},
        symbols={name: symbol for name, symbol in piece.symbols.items() if symbol.section not in unread},
        lines=tuple(line for line in piece.lines if line.section not in unread),
        fixups=tuple(fixup for fixup in piece.fixups if fixup.section not in unread),
    )


def _homes(piece: Piece) -> Mapping[str, str | None]:
    """The section that each symbol leads to."""
    return {name: name for name in piece.sections} | {name: symbol.section for name, symbol in piece.symbols.items()}

# SPDX-License-Identifier: GPL-2.0-only
"""The numbers by which a kernel with CFI_CLANG knows the types of functions (include/linux/cfi_types.h)."""

from __future__ import annotations

from dataclasses import replace

from emulator.assembly.piece import Piece, Symbol

PREFIX = "__kcfi_typeid_"
"""The compiler makes such a symbol, which is no address, wherever C takes a function's; assembler refers to it."""


def numbered(piece: Piece) -> Piece:
    """The piece with a number for each that it refers to: 0, for only compiled callers compare them."""
    wanted = [name for name in piece.undefined if name.startswith(PREFIX)]
    return replace(piece, symbols={**piece.symbols, **{name: Symbol(name, None, 0) for name in wanted}})

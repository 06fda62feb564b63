# SPDX-License-Identifier: GPL-2.0-only
"""Functions that are nothing but a return: the kernel jumps to one where a plain return will not do for a CPU."""

from __future__ import annotations

from dataclasses import replace

from emulator.assembly.piece import Line, Piece, Section, Symbol
from emulator.description import Arch
from emulator.errors import Place

SECTION = ".text.returns"


def with_returns(arch: Arch, piece: Piece) -> Piece:
    """The piece with those of Arch.return_thunks that it jumps to and lacks; weak, so that a real one wins."""
    wanted = [name for name in arch.return_thunks if name in piece.undefined]
    if not wanted:
        return piece
    code, section = arch.function_return, SECTION
    offsets = {name: index * len(code) for index, name in enumerate(wanted)}
    added = Section(section, code * len(wanted), len(code), executable=True)
    symbols = {name: Symbol(name, section, at, len(code), "weak", function=True) for name, at in offsets.items()}
    lines = [Line(section, at, len(code), Place(piece.name, at=name), "ret") for name, at in offsets.items()]
    return replace(
        piece,
        sections={**piece.sections, section: added},
        symbols={**piece.symbols, **symbols},
        lines=(*piece.lines, *lines),
    )
